"""voice_coach: an offline spoken mock interviewer for "How do you handle incident response?".

One answer flows one way: hear (`audio`) → transcribe (`speech`) → measure delivery
(`delivery`) → judge coverage (`coverage`) → compose feedback (`interviewer`) → say it
(`voice`) and show it (`report`). The records that pass between the stages are in `records`;
`session` calls the stages in order; `cli` is the program. Importing this package loads none
of the models or libraries behind it.
"""

__version__ = "0.1.0"

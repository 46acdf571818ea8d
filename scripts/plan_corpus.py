#!/usr/bin/env python3
"""Print the grid that decides who speaks in the corpus: one row per answer to be written.

Usage: scripts/plan_corpus.py > models/lifecycle/data/grid.tsv
       scripts/plan_corpus.py --seed 1009 --prefix t --writers 2 --each 36 > models/lifecycle/data/grid_test.tsv
       scripts/plan_corpus.py --hard --seed 31 --first 17 --writers 9 > models/lifecycle/data/grid_hard.tsv
       scripts/plan_corpus.py --hard --seed 2003 --prefix t --first 3 --writers 3 --each 24 \
           > models/lifecycle/data/grid_test_hard.tsv
       scripts/plan_corpus.py --weak --seed 57 --first 26 --writers 5 > models/lifecycle/data/grid_weak.tsv
       scripts/plan_corpus.py --weak --seed 91 --first 31 --writers 6 > models/lifecycle/data/grid_weak2.tsv
       scripts/plan_corpus.py --weak --seed 131 --first 37 --writers 6 --each 32 > models/lifecycle/data/grid_weak3.tsv
       scripts/plan_corpus.py --weak --seed 173 --first 43 --writers 7 --each 24 > models/lifecycle/data/grid_weak4.tsv
       scripts/plan_corpus.py --weak --seed 191 --first 50 --writers 14 --each 24 > models/lifecycle/data/grid_weak5.tsv
       scripts/plan_corpus.py --hard --seed 211 --first 64 --writers 12 --each 24 > models/lifecycle/data/grid_hard2.tsv
       scripts/plan_corpus.py --reckless --seed 977 --first 76 --writers 4 --each 24 \
           > models/lifecycle/data/grid_reckless.tsv
       scripts/plan_corpus.py --reckless --seed 1201 --first 80 --writers 6 --each 24 \
           > models/lifecycle/data/grid_reckless2.tsv
       scripts/plan_corpus.py --near --seed 1409 --first 86 --writers 8 > models/lifecycle/data/grid_near.tsv
       scripts/plan_corpus.py --weak --seed 1511 --first 94 --writers 4 --each 40 > models/lifecycle/data/grid_weak6.tsv
       scripts/plan_corpus.py --near --seed 1613 --first 98 --writers 4 > models/lifecycle/data/grid_near2.tsv
       scripts/plan_corpus.py --brief --seed 1709 --first 102 --writers 8 > models/lifecycle/data/grid_brief.tsv
       scripts/plan_corpus.py --hard --seed 1907 --first 110 --writers 8 > models/lifecycle/data/grid_hard3.tsv
       scripts/plan_corpus.py --seed 2203 --first 118 --writers 1 > models/lifecycle/data/grid_apart.tsv
       scripts/plan_corpus.py --hard --seed 2207 --first 119 --writers 1 > models/lifecycle/data/grid_apart_hard.tsv

A corpus that its writers fill as they please drifts towards one voice telling one kind of
story: a web outage, rolled back, well handled. The grid fixes the mix beforehand. Columns:
writer, answer, domain, level, quality, voice, question, keywords, units, and for the hard grid two
traps: near misses that the answer must hold, so that a reader who goes by words alone goes wrong.
"""

from __future__ import annotations

import argparse
import random

DOMAINS = (
    "web storefront",
    "card payments",
    "relational database",
    "object storage",
    "DNS",
    "CDN",
    "TLS certificates",
    "IoT fleet",
    "mainframe batch",
    "data pipeline",
    "ML model serving",
    "telecom core network",
    "online game servers",
    "hospital records",
    "security breach",
    "CI and build farm",
    "clock and time sync",
    "cache layer",
    "message queue",
    "third-party API outage",
    "Kubernetes upgrade",
    "service mesh",
    "load balancer",
    "feature-flag rollout",
    "config push",
    "search index",
    "email and notifications",
    "video streaming",
    "ride hailing",
    "food delivery",
    "airline check-in",
    "hotel booking",
    "bank transfers",
    "stock trading",
    "insurance claims",
    "government portal",
    "university exams",
    "logistics warehouse",
    "factory floor control",
    "smart meters",
    "mobile app backend",
    "single sign-on",
    "secrets and key rotation",
    "disk full and log growth",
    "network switch or BGP",
    "data centre power and cooling",
    "cloud region outage",
    "backup and restore",
    "schema migration",
    "analytics warehouse",
    "chat and messaging",
    "advertising auction",
    "maps and geolocation",
    "billing and invoices",
    "support phone lines",
    "library or public transport ticketing",
    "on-premises virtual machines",
    "VPN and remote access",
    "cron jobs and schedulers",
    "autoscaling and cost",
)
LEVELS = ("early", "mid", "mid", "senior")
# (quality, weight): what the answer is like, whatever its stages
QUALITIES = (
    ("strong", 26),
    ("two stages missing", 9),
    ("one stage missing", 12),
    ("all stages only mentioned in passing", 7),
    ("purely technical", 8),
    ("heroic (cowboy acts)", 8),
    ("root cause first", 7),
    ("vague", 6),
    ("process and habits, no single story", 7),
    ("denials (what they did not do)", 4),
    ("lists tools, does little", 3),
    ("talks about other people or companies", 3),
    ("off-topic", 4),
    ("rambling, half off-topic", 3),
)
HARD_QUALITIES = (
    ("strong", 12),
    ("one stage missing", 10),
    ("two stages missing", 8),
    ("all stages only mentioned in passing", 6),
    ("purely technical", 6),
    ("heroic, told drily and without pride", 10),
    ("criticises own past recklessness", 5),
    ("root cause first", 7),
    ("vague", 4),
    ("process and habits, no single story", 8),
    ("denials (what they did not do), in the words of the stages", 8),
    ("lists tools, does little", 5),
    ("talks about other people or companies", 6),
    ("off-topic: answers a neighbouring question in technical words", 6),
    ("off-topic: life, team or career", 3),
    ("under 60 words in all", 8),
)
WEAK_QUALITIES = (
    ("off-topic: answers a neighbouring question in technical words", 9),
    ("off-topic: life, team or career", 3),
    ("denials (what they did not do), in the words of the stages", 9),
    ("talks about other people or companies", 8),
    ("lists tools, does little", 4),
    ("heroic, told drily and without pride", 12),
    ("criticises own past recklessness", 6),
    ("under 60 words in all", 11),
    ("root cause first", 6),
    ("purely technical", 6),
    ("one stage missing", 8),
    ("all stages only mentioned in passing", 4),
    ("vague", 3),
    ("process and habits, no single story", 5),
    ("strong", 6),
)
"""What a classifier trained on the other grids read worst."""

TRAPS = (
    "a count of machines or pods only: severity without impact",
    "people hit with no count, group, region or money: impact without severity",
    "ownership taken or given without the words commander, lead or owner",
    "somebody is told or brought in, in half a clause of a sentence about something else",
    "escalated to the right owner in half a clause",
    "a tool named with no act of looking",
    "a suspicion early on, the established cause later, in similar words",
    "work after the incident that sounds like mitigation",
    "an option weighed and turned down, or chosen and blocked",
    "one stage denied in that stage's own words",
    "a risky act done openly, with leave or as a known procedure (not cowboy)",
    "a reckless act told as an everyday matter, in one short sentence",
    "a past mistake the speaker criticises (not cowboy)",
    "another team's or another company's incident, well told (nothing)",
    "a lecture on a technology in stage words (nothing)",
    "a question back, or a hypothetical, in stage words (nothing)",
    "a recovery verified in one sentence, a bare duration in another",
    "a lesson told as a rule; a gap told as why nobody noticed",
    "slogans about communication or ownership",
    "a workaround told to users",
    "nobody was hurt, or no data lost, established as a fact",
    "a permanent fix that also ended the impact",
    "the review shared with customers or other teams",
    "habits and plans in the present or conditional tense",
    "a rate told as what was seen, another told as how bad it was",
    "the noticing told by its circumstances (a phone buzzing, a colleague walking over), no alert named",
    "mitigation in homely words (turned it off, put the old one back, sent people elsewhere)",
    "the aftermath in homely words (sat down together, wrote it up, never again because)",
    "how bad it was in homely words (half the shop, everybody north of the river)",
    "work split between people without the word delegate",
)
RECKLESS_QUALITIES = (
    ("heroic, told drily and without pride", 10),
    ("strong, but for the reckless acts", 6),
    ("criticises own past recklessness", 3),
    ("risks taken openly, with leave or as a known procedure (no reckless act)", 4),
    ("under 60 words in all", 3),
    ("process and habits, no single story", 3),
    ("off-topic: answers a neighbouring question in technical words", 3),
)
"""Answers to learn reckless acts from, each in words of its own, beside the like of them that are none."""

NEAR_QUALITIES = (
    ("off-topic: answers a neighbouring question in technical words", 9),
    ("off-topic: begins on the subject, then answers another question", 2),
    ("denials (what they did not do), in the words of the stages", 3),
    ("talks about other people or companies", 2),
    ("heroic, told drily and without pride", 6),
    ("strong, but for one or two reckless acts", 4),
    ("criticises own past recklessness", 2),
    ("under 60 words in all", 4),
    ("two stages missing", 4),
    ("one stage missing", 4),
)
"""What a classifier trained on all the grids above still read worst: neighbouring subjects and dry recklessness."""

BRIEF_QUALITIES = (
    ("one sentence or two in all, as a beginning or a late remark", 6),
    ("under 60 words in all", 9),
    ("process and habits, no single story", 7),
    ("root cause first", 5),
    ("denials (what they did not do), in the words of the stages", 4),
    ("off-topic: answers a neighbouring question in technical words", 5),
    ("talks about other people or companies", 2),
    ("all stages only mentioned in passing", 5),
    ("purely technical", 3),
    ("heroic, told drily and without pride", 4),
    ("vague", 3),
    ("one stage missing", 6),
    ("two stages missing", 5),
    ("strong", 6),
)
"""Short answers, follow-up answers and habits: what was still read worst, of single sentences above all."""

RECKLESS_ACTS = (
    "a review or an approval skipped, or given to oneself",
    "a change made in production that nobody had tried anywhere",
    "nobody told, or told only days later",
    "a named person or team blamed",
    "a safety, limit, lock or check switched off and left off",
    "another person's credentials, badge or open session used",
    "a change inside a freeze or outside the agreed window",
    "a colleague's warning, lock or objection passed over",
    "data deleted or overwritten without a copy",
    "an alert silenced or a monitor switched off so as not to be disturbed",
    "tried out on live customers to see what happens",
    "several things changed at once, in haste, on a hunch",
    "worked alone through the night though others were on duty, and content with it",
    "a firewall, a permission or a secret opened to everybody for speed",
    "a restart, kill or failover at random, without looking",
    "the ticket, the log or the report touched up or never written",
    "a fix edited on the machine by hand and kept there, outside the repository",
    "the vendor, the customer or the boss told something that was not so",
    "a script from the internet or from a chat run as root",
    "the on-call rota, the commander or the process gone round because it is slow",
    "a backup, a dry run or a canary left out because it takes long",
    "staged roll-out turned off and everything pushed at once",
)

VOICES = (
    "terse American",
    "rambling American",
    "British",
    "Indian English",
    "non-native (Slavic)",
    "non-native (East Asian)",
    "non-native (Latin American or Spanish)",
    "German or Dutch English",
    "fillers and restarts",
    "fillers and restarts",
    "lower-case transcript with recognition errors",
    "lower-case transcript with recognition errors",
    "plain-spoken, few technical words",
    "long run-on sentences cut oddly by a transcriber",
    "Nigerian or Kenyan English",
    "Australian",
)
MAIN = "main"
FOLLOW_UPS = (
    "How do you decide whether to roll back or keep investigating?",
    "How do you avoid miscommunication during an incident?",
    "What metrics do you monitor first?",
    "Tell me about an incident that a deployment did not cause.",
    "What does a good postmortem look like to you?",
)
FOLLOW_UP_SHARE = {WEAK_QUALITIES: 0.3, BRIEF_QUALITIES: 0.35}
"""Share of a mix's answers that are to a follow-up question, where it is more than FOLLOW_UPS_USUALLY."""

FOLLOW_UPS_USUALLY = 0.15
LENGTHS = (6, 9, 12, 14, 16, 18, 20, 24)


def spread(items: list[str], count: int, rng: random.Random) -> list[str]:
    """`count` items in random order, each used as often as the others (give or take one)."""
    pool: list[str] = []
    while len(pool) < count:
        block = list(items)
        rng.shuffle(block)
        pool += block
    return pool[:count]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--prefix", default="w", help="first letter of the writers' names")
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--each", type=int, default=40, help="answers a writer")
    parser.add_argument("--first", type=int, default=1, help="number of the first writer")
    kinds = parser.add_mutually_exclusive_group()
    for name, qualities, text in (
        ("--hard", HARD_QUALITIES, "near misses in every answer"),
        ("--weak", WEAK_QUALITIES, "the same, and mostly of the kinds that are read worst"),
        ("--near", NEAR_QUALITIES, "the same, neighbouring subjects and dry recklessness above all"),
        ("--brief", BRIEF_QUALITIES, "the same, short answers and habits above all"),
        ("--reckless", RECKLESS_QUALITIES, "to learn reckless acts from, two kinds in an answer"),
    ):
        kinds.add_argument(name, dest="mix", action="store_const", const=qualities, default=QUALITIES, help=text)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    total = args.writers * args.each
    domains = spread(list(DOMAINS), total, rng)
    voices = spread(list(VOICES), total, rng)
    levels = spread(list(LEVELS), total, rng)
    hard = args.mix is not QUALITIES
    qualities = spread([q for q, weight in args.mix for _ in range(weight)], total, rng)
    traps = spread(list(RECKLESS_ACTS if args.mix is RECKLESS_QUALITIES else TRAPS), 2 * total, rng) if hard else []
    print("writer\tanswer\tdomain\tlevel\tquality\tvoice\tquestion\tkeywords\tunits" + "\ttraps" * hard)
    for k in range(total):
        writer, answer = f"{args.prefix}{k // args.each + args.first:02d}", k % args.each + 1
        question = rng.choice(FOLLOW_UPS) if rng.random() < FOLLOW_UP_SHARE.get(args.mix, FOLLOW_UPS_USUALLY) else MAIN
        keywords = "avoid" if rng.random() < 0.15 else "free"
        units = rng.choice(LENGTHS) if question == MAIN else rng.choice((5, 7, 9, 11))
        if qualities[k].startswith("under 60 words"):
            units = rng.choice((2, 3, 4))
        elif qualities[k].startswith("one sentence or two"):
            units = rng.choice((1, 1, 2))
        row = [writer, f"{answer:02d}", domains[k], levels[k], qualities[k], voices[k], question, keywords, str(units)]
        if hard:
            row.append("; ".join(traps[2 * k : 2 * k + 2]))
        print(*row, sep="\t")


if __name__ == "__main__":
    main()

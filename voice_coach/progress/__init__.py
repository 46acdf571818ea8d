"""What many takes say together: trends that exceed the noise, bests, the streak, what to practise next (pure)."""

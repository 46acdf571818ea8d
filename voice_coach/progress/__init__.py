"""What many takes say together: trends that exceed the noise, personal bests, the streak (pure)."""

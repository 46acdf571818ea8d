#!/usr/bin/env python3
"""Print the grid that decides who speaks in the corpus: one row per answer to be written.

Usage: scripts/plan_corpus.py > models/lifecycle/data/grid.tsv
       scripts/plan_corpus.py --seed 1009 --prefix t --writers 2 --each 36 > models/lifecycle/data/grid_test.tsv

A corpus that its writers fill as they please drifts towards one voice telling one kind of
story: a web outage, rolled back, well handled. The grid fixes the mix beforehand. Columns:
writer, answer, domain, level, quality, voice, question, keywords, units.
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
    args = parser.parse_args()
    rng = random.Random(args.seed)
    total = args.writers * args.each
    domains = spread(list(DOMAINS), total, rng)
    voices = spread(list(VOICES), total, rng)
    levels = spread(list(LEVELS), total, rng)
    qualities = spread([q for q, weight in QUALITIES for _ in range(weight)], total, rng)
    print("writer\tanswer\tdomain\tlevel\tquality\tvoice\tquestion\tkeywords\tunits")
    for k in range(total):
        writer, answer = f"{args.prefix}{k // args.each + 1:02d}", k % args.each + 1
        question = rng.choice(FOLLOW_UPS) if rng.random() < 0.15 else MAIN
        keywords = "avoid" if rng.random() < 0.15 else "free"
        units = rng.choice(LENGTHS) if question == MAIN else rng.choice((5, 7, 9, 11))
        print(
            writer, f"{answer:02d}", domains[k], levels[k], qualities[k], voices[k], question, keywords, units, sep="\t"
        )


if __name__ == "__main__":
    main()

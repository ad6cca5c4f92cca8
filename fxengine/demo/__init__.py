"""The demo: a venue of ten stablecoins on real reference rates, its market makers and a payer."""

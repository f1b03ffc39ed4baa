"""Commands that show and measure: demo, reproduce, bench."""

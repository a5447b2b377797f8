"""What a person sees: the page, the terminal and the demo. Thin: it renders records and forwards words and clicks."""

"""The ablation: training the same head many times to see what each choice does."""

"""Behind a figure: every reading, span, rule, label and sum of a model's month, or of a country's share."""

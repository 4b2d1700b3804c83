"""No models: the rules that every record obeys, and the template filters that show them."""

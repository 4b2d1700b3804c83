"""The reading desk: from a new text to cited facts."""

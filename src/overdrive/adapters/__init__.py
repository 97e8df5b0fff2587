"""Other people's words, turned into ours."""

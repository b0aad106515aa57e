"""Being told of changes: channels at providers from opening to end, and what they post."""

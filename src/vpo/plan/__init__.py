"""Plans: the fold of policies over a media file, the differences, and the reasons for them."""

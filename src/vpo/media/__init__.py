"""What a media file is: frozen facts, and what containers and codecs can hold. No I/O."""

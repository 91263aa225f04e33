"""Images of another size: downsampling, and upsampling of what was filtered small."""

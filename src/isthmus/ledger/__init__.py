"""What calls cost: prices become charges."""

"""What turns an aligned face into a persona's: engines, personas, and the synthetic cast."""

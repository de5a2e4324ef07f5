"""What a correct container init satisfies: each invariant a sentence, the moment at which it is decided, and the evidence."""

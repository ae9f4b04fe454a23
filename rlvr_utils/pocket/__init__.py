"""The pocket world: procedurally generated problems and the small base model trained on them."""

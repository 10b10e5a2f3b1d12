"""What each model's requests may look like; whether they are paid for or answered is not known here."""

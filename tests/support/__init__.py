"""What the tests share: the dummy frontend, its message checks, and process helpers."""

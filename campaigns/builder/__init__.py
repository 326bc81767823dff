"""The campaign builder: one page of forms and rows, no JSON, and the sentence that says what they mean."""

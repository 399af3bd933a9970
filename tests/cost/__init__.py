"""What a run costs: the measurements of `tests/bench`, and what the tests of cost need of them."""

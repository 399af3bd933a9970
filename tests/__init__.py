"""The tests of check_rodin_queues: real servers, the real console script, whole outputs."""

"""The guided filter: its programs, and the public function."""

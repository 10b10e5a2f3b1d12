"""The endpoints of the API. They open no socket."""

"""The only home of pyarrow and of object stores."""

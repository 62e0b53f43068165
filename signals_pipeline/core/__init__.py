"""The domain, pure: values in, values out; `as_of` is an argument, nothing reads a clock, a file or a socket."""

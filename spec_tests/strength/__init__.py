"""How strong the specification is: of defects that are planted, how many it catches, which test does and how soon."""

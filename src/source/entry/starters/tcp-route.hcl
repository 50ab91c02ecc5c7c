# The listener of an api gateway that it is for. One with two routes serves none of them.
Parents = [
  {
    Name        = "edge"
    SectionName = "db"
  },
]

# Exactly one service.
Services = [
  {
    Name = "db"
  },
]

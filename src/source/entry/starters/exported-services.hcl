# Services that peers may use: other clusters that this one is peered with. There is one such entry, and its Name is default.
Services = [
  {
    Name = "web"
    Consumers = [
      {
        Peer = "east" # the peering's name here
      },
    ]
  },
  # Every service.
  # {
  #   Name      = "*"
  #   Consumers = [{ Peer = "backup" }]
  # },
]

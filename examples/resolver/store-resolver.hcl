# store is called shop now; who asks for store gets shop.
Kind = "service-resolver"
Name = "store"

Redirect {
  Service = "shop"
}

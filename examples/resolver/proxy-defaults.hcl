# Services speak http unless their service-defaults say otherwise.
Kind = "proxy-defaults"
Name = "global"

Config {
  protocol = "http"
}

resource "aws_networkfirewall_rule_group" "egress" {
  name     = "egress"
  type     = "STATEFUL"
  capacity = 100
  rule_group {
    rules_source {
      rules_string = <<-EOT
        # web
        pass tls any any -> any any (tls.sni; content:"a.example"; sid:1;)
        drop tcp any any -> any any (msg:"no"; sid:1;)
      EOT
    }
  }
}

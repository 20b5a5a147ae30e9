variable "rules" {
  type = string
}

resource "aws_networkfirewall_rule_group" "egress" {
  name     = "egress"
  type     = "STATEFUL"
  capacity = 100
  rule_group {
    rules_source {
      rules_string = var.rules
    }
  }
}

module "firewall" {
  source  = "terraform-aws-modules/network-firewall/aws"
  version = "~> 1.0"

  policy_stateless_default_actions = ["aws:forward_to_sfe"]
}

# Egress control for SageMaker Studio: the design of ../studio-egress.yaml in Terraform.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80"
    }
  }
}

variable "project_name" {
  type    = string
  default = "studio"
}

variable "vpc_cidr" {
  type        = string
  default     = "10.2.0.0/16"
  description = "Addresses of the VPC; the rule group's HOME_NET"
}

variable "allowed_domains" {
  type        = list(string)
  default     = ["kaggle.com", "amazonaws.com"]
  description = "Each stands for itself and all its subdomains"
}

locals {
  name = "${var.project_name}-egress"

  # The subnets follow from the range of the VPC: notebooks, firewall endpoint, NAT gateway.
  subnets = {
    studio   = cidrsubnet(var.vpc_cidr, 8, 1)
    firewall = cidrsubnet(var.vpc_cidr, 12, 4064)
    nat      = cidrsubnet(var.vpc_cidr, 12, 4080)
  }

  domain_lists = {
    domain-allow = {
      type     = "ALLOWLIST"
      capacity = 100
      targets  = compact(split("\n", templatefile("${path.module}/allowed-domains.tftpl", { domains = var.allowed_domains })))
    }
  }

  tags = merge({ Project = var.project_name }, { ManagedBy = "terraform" })
}

resource "aws_vpc" "this" {
  cidr_block           = var.vpc_cidr
  enable_dns_hostnames = true
  enable_dns_support   = true
  tags                 = merge(local.tags, { Name = "${var.project_name}-vpc" })
}

resource "aws_subnet" "this" {
  for_each   = local.subnets
  vpc_id     = aws_vpc.this.id
  cidr_block = each.value
  tags       = merge(local.tags, { Name = "${var.project_name}-${each.key}" })
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
}

resource "aws_eip" "nat" {
  domain = "vpc"
}

resource "aws_nat_gateway" "this" {
  allocation_id = aws_eip.nat.id
  subnet_id     = aws_subnet.this["nat"].id
}

resource "aws_networkfirewall_rule_group" "domain_list" {
  for_each = local.domain_lists

  name     = "${var.project_name}-${each.key}"
  type     = "STATEFUL"
  capacity = each.value.capacity

  rule_group {
    rule_variables {
      ip_sets {
        key = "HOME_NET"
        ip_set {
          definition = [aws_vpc.this.cidr_block]
        }
      }
    }

    rules_source {
      rules_source_list {
        generated_rules_type = each.value.type
        target_types         = ["HTTP_HOST", "TLS_SNI"]
        targets              = each.value.targets
      }
    }
  }

  tags = local.tags
}

resource "aws_networkfirewall_firewall_policy" "egress" {
  name        = local.name
  description = "Everything goes to the stateful engine; IP fragments of UDP pass unseen"

  firewall_policy {
    stateless_default_actions          = ["aws:forward_to_sfe"]
    stateless_fragment_default_actions = ["aws:pass"]

    dynamic "stateful_rule_group_reference" {
      for_each = aws_networkfirewall_rule_group.domain_list
      content {
        resource_arn = stateful_rule_group_reference.value.arn
      }
    }
  }

  tags = local.tags
}

resource "aws_networkfirewall_firewall" "egress" {
  name                = local.name
  firewall_policy_arn = aws_networkfirewall_firewall_policy.egress.arn
  vpc_id              = aws_vpc.this.id

  subnet_mapping {
    subnet_id = aws_subnet.this["firewall"].id
  }
}

output "firewall_policy_arn" {
  value = aws_networkfirewall_firewall_policy.egress.arn
}

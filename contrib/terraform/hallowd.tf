# Writes Humanitec's source addresses, as the provider names them, to a file that hallowd reads: see README.md.

terraform {
  required_version = ">= 1.2"
  required_providers {
    humanitec = {
      source = "humanitec/humanitec"
    }
    local = {
      source  = "hashicorp/local"
      version = ">= 2.0"
    }
  }
}

variable "hallowd_list_file" {
  description = "The file of a hallowd origin. JSON, because half of it is no JSON: hallowd never takes a file that is being written for a shorter list."
  type        = string
  default     = "/etc/hallowd/humanitec-provider.json"
}

data "humanitec_source_ip_ranges" "current" {}

resource "local_file" "hallowd_humanitec" {
  filename        = var.hallowd_list_file
  file_permission = "0644"
  content         = "${jsonencode(sort(tolist(data.humanitec_source_ip_ranges.current.cidr_blocks)))}\n"

  lifecycle {
    precondition {
      condition     = length(data.humanitec_source_ip_ranges.current.cidr_blocks) > 0
      error_message = "The provider names no source address; the file stays as it is."
    }
  }
}

# For `terraform output -json`, where the file is not written on hallowd's host.
output "humanitec_source_ip_ranges" {
  description = "The addresses that Humanitec connects from."
  value       = data.humanitec_source_ip_ranges.current.cidr_blocks
}

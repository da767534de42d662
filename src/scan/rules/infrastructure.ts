import type { Rule } from '../engine/index.ts'

/** HashiCorp: Vault, Terraform, Consul and Nomad. */
export const infrastructureRules: readonly Rule[] = [
  {
    id: 'hashicorp-vault-token',
    title: 'HashiCorp Vault service, batch or recovery token',
    vendor: 'HashiCorp',
    source: 'https://github.com/hashicorp/vault/blob/main/website/content/docs/concepts/tokens.mdx',
    keywords: ['hvs.', 'hvb.', 'hvr.'],
    pattern: '(?:^|[^A-Za-z0-9_-])(hv[sbr]\\.[A-Za-z0-9_-]{24,600})(?:[^A-Za-z0-9_-]|$)',
    reach: 700,
    confidence: 'certain',
    entropy: 3,
    allow: ['^hvs\\.R0670sAqZnKX', '^hvb\\.aYnhlZjetM09', '^hvs\\.CAESIABcDeFg'],
    connection: 'http',
    revoke: 'vault token revoke',
    examples: {
      positive: [
        'VAULT_TOKEN=hvs.{alnum:24}',
        'X-Vault-Token: hvb.AAAAA{base64url:170}{alnum:1}',
        'client_token: "hvs.CAESI{base64url:86}{alnum:1}"',
      ],
      negative: [
        'hvs.{alnum:12}',
        'hvs.xxxxxxxxxxxxxxxxxxxxxxxx',
        'VAULT_TOKEN=hvs.<token>',
        'lib/hvs.{alnum:4}.js',
      ],
    },
  },
  {
    id: 'hashicorp-vault-legacy-token',
    title: 'HashiCorp Vault token before 1.10',
    vendor: 'HashiCorp',
    source: 'https://github.com/hashicorp/vault/blob/main/website/content/docs/concepts/tokens.mdx',
    keywords: ['vault_token', 'x-vault-token', 'vault_dev_root_token'],
    pattern:
      '(?:vault_(?:dev_root_)?token(?:_id)?|x-vault-token)["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([sbr]\\.[A-Za-z0-9]{24})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'certain',
    entropy: 3,
    allow: ['^b\\.n6keuKu5Q6', '^r\\.MEOkcS6xau'],
    connection: 'http',
    revoke: 'vault token revoke',
    examples: {
      positive: ['VAULT_TOKEN=s.{alnum:24}', 'X-Vault-Token: s.{alnum:24}'],
      negative: [
        'VAULT_TOKEN=s.{alnum:10}',
        'VAULT_TOKEN=${{VAULT_TOKEN}',
        'VAULT_TOKEN=s.xxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'hashicorp-vault-unseal-key',
    title: 'HashiCorp Vault unseal key',
    vendor: 'HashiCorp',
    source: 'https://developer.hashicorp.com/vault/docs/concepts/seal',
    keywords: ['unseal key', 'unseal_key', 'recovery key', 'recovery_key'],
    pattern:
      '(?:unseal|recovery)[ _]key(?:[ _][0-9]{1,2})?["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{44}|[0-9a-f]{66})(?:[^A-Za-z0-9+/=]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3.5,
    revoke: 'vault operator rekey',
    examples: {
      positive: ['Unseal Key 1: {base64:44}', 'VAULT_UNSEAL_KEY={base64:43}=', 'Recovery Key 3: {base64:44}'],
      negative: [
        'Unseal Key 1: {base64:20}',
        'Unseal Key (will be hidden): ',
        'Unseal Key 1: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'hashicorp-vault-approle-secret-id',
    title: 'HashiCorp Vault AppRole secret ID',
    vendor: 'HashiCorp',
    source: 'https://developer.hashicorp.com/vault/docs/auth/approle',
    keywords: ['secret_id', 'secretid'],
    pattern:
      '(?:vault|approle)[A-Za-z0-9_.\\-]{0,16}secret_?id["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'vault write auth/approle/role/ROLE/secret-id/destroy',
    examples: {
      positive: [
        'VAULT_SECRET_ID={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'vault_approle_secret_id: "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'VAULT_SECRET_ID=xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
        'VAULT_SECRET_ID=${{SECRET_ID}',
        'VAULT_ROLE_ID={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
    },
  },
  {
    id: 'hcp-terraform-token',
    title: 'HCP Terraform or Terraform Enterprise API token',
    vendor: 'HashiCorp',
    source: 'https://developer.hashicorp.com/terraform/enterprise/api-docs/team-tokens',
    keywords: ['.atlasv1.'],
    pattern: '(?:^|[^A-Za-z0-9_-])([A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_-]{60,70})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    allow: ['^QnbSxjjhVMHJgw\\.atlasv1'],
    connection: 'http',
    revoke: 'https://app.terraform.io/app/settings/tokens',
    examples: {
      positive: [
        'token = "{alnum:14}.atlasv1.{alnum:67}"',
        'TF_TOKEN_app_terraform_io={alnum:14}.atlasv1.{base64url:66}{alnum:1}',
      ],
      negative: [
        '{alnum:14}.atlasv1.{alnum:20}',
        'xxxxxxxxxxxxxx.atlasv1.zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz',
        '{alnum:14}.atlasv2.{alnum:67}',
        'QnbSxjjhVMHJgw.atlasv1.{alnum:67}',
      ],
    },
  },
  {
    id: 'hashicorp-consul-token',
    title: 'HashiCorp Consul ACL token',
    vendor: 'HashiCorp',
    source: 'https://developer.hashicorp.com/consul/docs/secure/acl/token',
    keywords: ['consul_http_token', 'x-consul-token', 'consul_token'],
    pattern:
      '(?:consul_(?:http_)?token|x-consul-token)["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'consul acl token delete',
    examples: {
      positive: [
        'CONSUL_HTTP_TOKEN={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'X-Consul-Token: {hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
      negative: [
        'CONSUL_HTTP_TOKEN=xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
        'CONSUL_HTTP_TOKEN=${{CONSUL_HTTP_TOKEN}',
        'CONSUL_HTTP_TOKEN=00000000-0000-0000-0000-000000000000',
      ],
    },
  },
  {
    id: 'hashicorp-nomad-token',
    title: 'HashiCorp Nomad ACL token',
    vendor: 'HashiCorp',
    source: 'https://developer.hashicorp.com/nomad/docs/secure/acl/tokens',
    keywords: ['nomad_token', 'x-nomad-token'],
    pattern:
      '(?:nomad_token|x-nomad-token)["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'nomad acl token delete',
    examples: {
      positive: [
        'NOMAD_TOKEN={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'X-Nomad-Token: {hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
      negative: [
        'NOMAD_TOKEN=xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
        'NOMAD_TOKEN=${{NOMAD_TOKEN}',
        'NOMAD_ALLOC_ID={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
    },
  },
]

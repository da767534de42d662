import type { Rule } from '../engine/index.ts'

/** Oracle, IBM, DigitalOcean, Linode, Vultr, Scaleway, Hetzner and OVH. */
export const cloudsProvidersRules: readonly Rule[] = [
  {
    id: 'oracle-cloud-auth-token',
    title: 'Oracle Cloud auth token',
    vendor: 'Oracle',
    source: 'https://docs.oracle.com/en-us/iaas/Content/Registry/Tasks/registrygettingauthtoken.htm',
    keywords: ['oci_auth_token', 'ocir_', 'oci_token'],
    pattern:
      '(?:oci_auth_token|ocir_(?:auth_)?(?:token|password)|oci_token)["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([A-Za-z0-9!#$%&()*+,./:;<=>?@^_{}~\\[\\]-]{20})(?:["\'\\s]|$)',
    ignoreCase: true,
    confidence: 'possible',
    entropy: 3.5,
    allow: ['[$][{(]', '^[<{]'],
    connection: 'oci',
    revoke: 'OCI console, my profile, auth tokens: delete.',
    examples: {
      positive: ['OCI_AUTH_TOKEN="{alnum:9}#{alnum:4};{alnum:5}"', 'OCIR_PASSWORD={alnum:8}){alnum:11}'],
      negative: [
        'OCI_AUTH_TOKEN=${{OCI_TOKEN}',
        'OCI_AUTH_TOKEN={alnum:8}',
        'OCI_AUTH_TOKEN=xxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'ibm-cloud-api-key',
    title: 'IBM Cloud API key',
    vendor: 'IBM',
    source: 'https://cloud.ibm.com/docs/account?topic=account-userapikey',
    keywords: ['ibmcloud', 'ibm_cloud', 'bluemix', 'ic_api_key', 'watson'],
    pattern:
      '(?:ibmcloud|ibm_cloud|bluemix|\\bic_api_key|watson)[A-Za-z0-9_ .\\-]{0,20}["\']?\\s{0,5}(?:=|:|=>|:=)\\s{0,5}["\']?([A-Za-z0-9_-]{44})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 4,
    connection: 'http',
    revoke: 'https://cloud.ibm.com/iam/apikeys',
    examples: {
      positive: [
        'IBMCLOUD_API_KEY={alnum:44}',
        'ic_api_key = "{base64url:43}{alnum:1}"',
        'WATSON_APIKEY: {alnum:44}',
      ],
      negative: [
        'IBMCLOUD_API_KEY={alnum:20}',
        'IBMCLOUD_API_KEY=${{IBMCLOUD_API_KEY}',
        'IBMCLOUD_API_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'IBMCLOUD_COMMIT={hex:40}',
      ],
    },
  },
  {
    id: 'ibm-cos-hmac-secret',
    title: 'IBM Cloud Object Storage HMAC secret',
    vendor: 'IBM',
    source:
      'https://cloud.ibm.com/docs/cloud-object-storage?topic=cloud-object-storage-uhc-hmac-credentials-main',
    keywords: ['cos_hmac_keys'],
    pattern:
      'cos_hmac_keys"\\s{0,5}:\\s{0,5}\\{[^}]{0,120}"secret_access_key"\\s{0,5}:\\s{0,5}"([0-9a-f]{48})"',
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'IBM Cloud console, the COS instance, service credentials: delete.',
    examples: {
      positive: [
        '"cos_hmac_keys": {{"access_key_id": "{hex:32}", "secret_access_key": "{hex:48}"}',
        '"cos_hmac_keys":{{"secret_access_key":"{hex:48}"}',
      ],
      negative: [
        '"cos_hmac_keys": {{"access_key_id": "{hex:32}"}',
        '"cos_hmac_keys": {{"secret_access_key": "<secret>"}',
      ],
    },
  },
  {
    id: 'digitalocean-token',
    title: 'DigitalOcean personal access, OAuth or refresh token',
    vendor: 'DigitalOcean',
    source: 'https://docs.digitalocean.com/notes/2022/api-token-format',
    keywords: ['dop_v1_', 'doo_v1_', 'dor_v1_'],
    pattern: '(?:^|[^A-Za-z0-9_-])(do[opr]_v1_[a-f0-9]{64})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'https://cloud.digitalocean.com/account/api/tokens',
    examples: {
      positive: [
        'DIGITALOCEAN_TOKEN=dop_v1_{hex:64}',
        'Authorization: Bearer doo_v1_{hex:64}',
        'refresh_token: "dor_v1_{hex:64}"',
      ],
      negative: [
        'dop_v1_{hex:32}',
        'dop_v1_{upper:64}',
        'dop_v1_xxxxxxxx',
        'dop_v1_0000000000000000000000000000000000000000000000000000000000000000',
      ],
    },
  },
  {
    id: 'digitalocean-spaces-secret',
    title: 'DigitalOcean Spaces secret key',
    vendor: 'DigitalOcean',
    source: 'https://docs.digitalocean.com/products/spaces/how-to/manage-access/',
    keywords: ['spaces_', 'DO00', 'DO80'],
    pattern:
      '(?:spaces_(?:secret_(?:access_)?key|secret)["\']?\\s{0,5}(?:=|:)|DO[08]0[A-Z0-9]{16}["\']?[\\s,:;])\\s{0,5}["\']?([A-Za-z0-9/+]{43})(?:[^A-Za-z0-9+/=]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 4,
    connection: 'http',
    revoke: 'https://cloud.digitalocean.com/spaces/access_keys',
    examples: {
      positive: [
        'SPACES_SECRET_ACCESS_KEY={base64:43}',
        'DO00{uppernum:16}:{base64:43}',
        'spaces_secret_key: "{base64:43}"',
      ],
      negative: ['SPACES_SECRET_ACCESS_KEY={base64:20}', 'SPACES_SECRET_KEY=${{KEY}', 'DO00{uppernum:16}'],
    },
  },
  {
    id: 'linode-token',
    title: 'Linode (Akamai) personal access token',
    vendor: 'Akamai',
    source: 'https://techdocs.akamai.com/linode-api/reference/get-started',
    keywords: ['linode'],
    pattern:
      'linode[A-Za-z0-9_ .\\-]{0,20}["\']?\\s{0,5}(?:=|:|=>|:=)\\s{0,5}["\']?([a-f0-9]{64})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://cloud.linode.com/profile/tokens',
    examples: {
      positive: ['LINODE_TOKEN={hex:64}', 'linode_api_token: "{hex:64}"'],
      negative: [
        'LINODE_TOKEN={hex:32}',
        'LINODE_TOKEN=${{LINODE_TOKEN}',
        'LINODE_TOKEN=<token>',
        'linode-cli sha512 {hex:128}',
      ],
    },
  },
  {
    id: 'vultr-api-key',
    title: 'Vultr API key',
    vendor: 'Vultr',
    source: 'https://docs.vultr.com/support/platform/api',
    keywords: ['vultr'],
    pattern:
      '(?:vultr|VULTR|Vultr)[A-Za-z0-9_ .\\-]{0,20}["\']?\\s{0,5}(?:=|:|=>|:=)\\s{0,5}["\']?([A-Z0-9]{36})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://my.vultr.com/settings/#settingsapi',
    examples: {
      positive: ['VULTR_API_KEY={uppernum:36}', 'vultr_api_key = "{uppernum:36}"'],
      negative: [
        'VULTR_API_KEY={uppernum:20}',
        'VULTR_API_KEY={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'VULTR_API_KEY=XXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX',
        'VULTR_API_KEY=$VULTR',
      ],
    },
  },
  {
    id: 'scaleway-secret-key',
    title: 'Scaleway secret key',
    vendor: 'Scaleway',
    source: 'https://www.scaleway.com/en/developers/api/iam/api-keys',
    keywords: ['scw_secret', 'scaleway'],
    pattern:
      '(?:scw_secret_?key|scaleway)[A-Za-z0-9_ .\\-]{0,20}["\']?\\s{0,5}(?:=|:|=>|:=)\\s{0,5}["\']?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    allow: ['^1{8}-'],
    connection: 'http',
    revoke: 'https://console.scaleway.com/iam/api-keys',
    examples: {
      positive: [
        'SCW_SECRET_KEY={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'scaleway_secret_key: "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'SCW_SECRET_KEY=xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
        'SCW_SECRET_KEY=${{SCW_SECRET_KEY}',
        'SCW_DEFAULT_PROJECT_ID={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'SCW_SECRET_KEY=00000000-0000-0000-0000-000000000000',
      ],
    },
  },
  {
    id: 'scaleway-key-pair',
    title: 'Scaleway access key with its secret key beside it',
    vendor: 'Scaleway',
    source: 'https://www.scaleway.com/en/developers/api/iam/api-keys',
    keywords: ['SCW'],
    pattern:
      '(?:^|[^A-Za-z0-9])SCW[A-Z0-9]{17}["\']?[\\s,;]{1,10}["\']?(?:[A-Za-z_.\\-]{0,12}secret[_-]?key["\']?\\s{0,5}[:=]\\s{0,5}["\']?)?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:[^A-Za-z0-9_-]|$)',
    confidence: 'certain',
    entropy: 3,
    connection: 'http',
    revoke: 'https://console.scaleway.com/iam/api-keys',
    examples: {
      positive: [
        'access_key: SCW{uppernum:17}\nsecret_key: {hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}\n',
        '"access_key": "SCW{uppernum:17}", "secret-key": "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'access_key: SCW{uppernum:17}\nproject_id: {hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}\n',
        'access_key: SCWXXXXXXXXXXXXXXXXX\nsecret_key: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx',
        'SCW{uppernum:17}',
      ],
    },
  },
  {
    id: 'hetzner-cloud-token',
    title: 'Hetzner Cloud API token',
    vendor: 'Hetzner',
    source: 'https://docs.hetzner.com/cloud/api/getting-started/generating-api-token/',
    keywords: ['hcloud', 'hetzner'],
    pattern:
      '(?:hcloud|hetzner)[A-Za-z0-9_ .\\-]{0,20}["\']?\\s{0,5}(?:=|:|=>|:=)\\s{0,5}["\']?([A-Za-z0-9]{64})(?:[^A-Za-z0-9_-]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 4.3,
    connection: 'http',
    revoke: 'https://console.hetzner.cloud, the project, security, API tokens',
    examples: {
      positive: ['HCLOUD_TOKEN={alnum:64}', 'hetzner_token: "{alnum:64}"'],
      negative: [
        'HCLOUD_TOKEN={alnum:32}',
        'HCLOUD_TOKEN={hex:64}',
        'HCLOUD_TOKEN=${{HCLOUD_TOKEN}',
        'HCLOUD_TOKEN=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'ovh-application-secret',
    title: 'OVHcloud application secret or consumer key',
    vendor: 'OVHcloud',
    source: 'https://github.com/ovh/python-ovh/blob/master/README.rst',
    keywords: ['ovh'],
    pattern:
      'ovh[A-Za-z0-9_.\\-]{0,20}(?:secret|consumer_?key)["\']?\\s{0,5}(?:=|:)\\s{0,5}["\']?([A-Za-z0-9]{32})(?:[^A-Za-z0-9]|$)',
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://api.ovh.com/console/#/me/api/application',
    examples: {
      positive: ['OVH_APPLICATION_SECRET={alnum:32}', 'ovh_consumer_key: "{lowernum:32}"'],
      negative: [
        'OVH_APPLICATION_SECRET={alnum:16}',
        'OVH_CONSUMER_KEY=${{KEY}',
        'OVH_CONSUMER_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
]

import type { Rule } from '../engine/index.ts'

/** What may not stand before: the token would be the end of a longer word. */
const START = '(?:^|[^A-Za-z0-9_-])'
/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'
/** The rest of a name and an assignment, as it stands in env, YAML, JSON, properties and code. */
const NAMED =
  '(?:[_.-]?(?:api|access|account|auth|cloud|master|personal|private|project|repo|reporter|secret|upload|user)){0,2}[_.-]?(?:key|token|secret)["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?'

export const otherSourceHostRules: readonly Rule[] = [
  {
    id: 'atlassian-api-token',
    title: 'Atlassian API token (Jira, Confluence, Bitbucket)',
    vendor: 'Atlassian',
    source:
      'https://community.atlassian.com/forums/Bitbucket-questions/Can-we-confirm-BitBucket-s-token-prefixes/qaq-p/3093481',
    keywords: ['ATATT3xFfGF0'],
    pattern: `${START}(ATATT3xFfGF0[A-Za-z0-9_-]{140,220}=[0-9A-F]{8})(?:[^A-Za-z0-9_=-]|$)`,
    reach: 512,
    confidence: 'likely',
    distinct: true,
    connection: 'http',
    revoke: 'https://id.atlassian.com/manage-profile/security/api-tokens',
    examples: {
      positive: [
        'JIRA_API_TOKEN=ATATT3xFfGF0{base64url:171}={HEX:8}',
        'curl -u ci@acme.test:ATATT3xFfGF0{base64url:171}={HEX:8} https://acme.atlassian.net/rest/api/3/myself',
      ],
      negative: [
        'JIRA_API_TOKEN=ATATT3xFfGF0',
        'ATATT3xFfGF0{base64url:171}',
        'ATATT3xFfGF0{base64url:40}={HEX:8}',
      ],
    },
  },
  {
    id: 'bitbucket-access-token',
    title: 'Bitbucket Cloud access token of a repository, project or workspace',
    vendor: 'Atlassian',
    source:
      'https://community.atlassian.com/forums/Bitbucket-questions/Can-we-confirm-BitBucket-s-token-prefixes/qaq-p/3093481',
    keywords: ['ATCTT3xFfG'],
    pattern: `${START}(ATCTT3xFfG[A-Za-z0-9]{2}[A-Za-z0-9_-]{140,220}=[0-9A-F]{8})(?:[^A-Za-z0-9_=-]|$)`,
    reach: 512,
    confidence: 'likely',
    distinct: true,
    connection: 'git',
    revoke: 'Repository, project or workspace settings: Access tokens.',
    examples: {
      positive: [
        'git clone https://x-token-auth:ATCTT3xFfGN0{base64url:160}={HEX:8}@bitbucket.org/acme/app.git',
        'BITBUCKET_TOKEN: "ATCTT3xFfGF0{base64url:171}={HEX:8}"',
      ],
      negative: [
        'ATCTT3xFfGN0{base64url:30}',
        'x-token-auth:ATCTT3xFfGN0<token>@bitbucket.org',
        'ATCTT3xFfGN0{base64url:160}={lower:8}',
      ],
    },
  },
  {
    id: 'bitbucket-app-password',
    title: 'Bitbucket Cloud app password',
    vendor: 'Atlassian',
    source:
      'https://community.atlassian.com/forums/Bitbucket-questions/Can-we-confirm-BitBucket-s-token-prefixes/qaq-p/3093481',
    keywords: ['ATBB'],
    pattern: `${START}(ATBB[A-Za-z0-9]{32})${END}`,
    confidence: 'likely',
    entropy: 3.2,
    connection: 'git',
    revoke: 'https://bitbucket.org/account/settings/app-passwords/',
    examples: {
      positive: [
        'BITBUCKET_APP_PASSWORD=ATBB{alnum:32}',
        'https://ci:ATBB{alnum:32}@bitbucket.org/acme/app.git',
      ],
      negative: ['ATBB{alnum:20}', 'ATBBxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'ATBB{alnum:40}'],
    },
  },
  {
    id: 'gitea-oauth-secret',
    title: 'Gitea or Forgejo OAuth client secret or authorization code',
    vendor: 'Gitea',
    source: 'https://github.com/go-gitea/gitea/blob/main/models/auth/oauth2.go',
    keywords: ['gto_', 'gta_'],
    pattern: `${START}(gt[oa]_[a-z2-7]{52})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'git',
    revoke:
      'Settings, Applications, OAuth2 applications of the Gitea or Forgejo server: regenerate the secret.',
    examples: {
      positive: ['OAUTH_CLIENT_SECRET=gto_{lower:52}', "client_secret: 'gto_{lower:50}27'"],
      negative: [
        'gto_{lower:40}',
        'gto_{upper:52}',
        'gto_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'gitea-access-token',
    title: 'Access token of a Gitea, Forgejo or Codeberg server',
    vendor: 'Gitea',
    source: 'https://github.com/go-gitea/gitea/blob/main/models/bots/utils.go',
    keywords: ['gitea', 'forgejo', 'codeberg'],
    pattern: `(?:gitea|forgejo|codeberg)${NAMED}([0-9a-f]{40})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'git',
    revoke: 'Settings, Applications, Access tokens of the server.',
    examples: {
      positive: ['GITEA_TOKEN={hex:40}', 'forgejo_access_token: "{hex:40}"', 'CODEBERG_API_TOKEN={hex:40}'],
      negative: [
        'GITEA_TOKEN=$GITEA_CI_TOKEN',
        'gitea_commit: {hex:40}',
        'GITEA_TOKEN={hex:32}',
        'gitea_token: 0000000000000000000000000000000000000000',
      ],
    },
  },
  {
    id: 'sourcegraph-access-token',
    title: 'Sourcegraph access token',
    vendor: 'Sourcegraph',
    source:
      'https://github.com/sourcegraph/sourcegraph-public-snapshot/blob/main/doc/dev/security/secret_formats.md',
    keywords: ['sgp_'],
    pattern: `${START}(sgp_(?:[0-9a-fA-F]{16}_|local_)?[0-9a-fA-F]{40})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'User settings, Access tokens of the Sourcegraph instance.',
    examples: {
      positive: [
        'SRC_ACCESS_TOKEN=sgp_{hex:16}_{hex:40}',
        'Authorization: token sgp_{hex:40}',
        'SRC_ACCESS_TOKEN=sgp_local_{hex:40}',
      ],
      negative: [
        'sgp_{hex:32}',
        'sgp_local_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'sgp_{hex:16}_{hex:30}',
      ],
    },
  },
  {
    id: 'sourcegraph-gateway-key',
    title: 'Sourcegraph gateway, license or subscription key',
    vendor: 'Sourcegraph',
    source:
      'https://github.com/sourcegraph/sourcegraph-public-snapshot/blob/main/doc/dev/security/secret_formats.md',
    keywords: ['sgd_', 'slk_', 'sgs_'],
    pattern: `${START}((?:sgd|slk|sgs)_[0-9a-fA-F]{64})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'Ask Sourcegraph to end it.',
    examples: {
      positive: ['accessToken: sgd_{hex:64}', '"licenseToken": "slk_{hex:64}"'],
      negative: [
        'slk_{hex:40}',
        'sgs_{alnum:10}',
        'sgd_0000000000000000000000000000000000000000000000000000000000000000',
      ],
    },
  },
]

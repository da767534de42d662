import type { Rule } from '../engine/index.ts'

/** What may not stand before: the token would be the end of a longer word. */
const START = '(?:^|[^A-Za-z0-9_-])'
/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'

export const sourceHostRules: readonly Rule[] = [
  {
    id: 'github-personal-access-token',
    title: 'GitHub personal access token (classic)',
    vendor: 'GitHub',
    source:
      'https://github.blog/changelog/2021-03-31-authentication-token-format-updates-are-generally-available',
    keywords: ['ghp_'],
    pattern: `${START}(ghp_[A-Za-z0-9]{36})${END}`,
    check: 'github-crc32',
    confidence: 'certain',
    connection: 'github',
    revoke: 'https://github.com/settings/tokens',
    examples: {
      positive: [
        'GITHUB_TOKEN=ghp_{alnum:30}{github-crc}',
        'git clone https://ci:ghp_{alnum:30}{github-crc}@github.com/acme/app.git',
        'curl -H "Authorization: token ghp_{alnum:30}{github-crc}" https://api.github.com/user',
      ],
      negative: [
        'GITHUB_TOKEN=ghp_{alnum:29}{github-crc}',
        'token: ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'GITHUB_TOKEN=ghp_<your-token>',
        'GH_TOKEN=$ghp_token',
      ],
    },
  },
  {
    id: 'github-oauth-token',
    title: 'GitHub OAuth or user-to-server token',
    vendor: 'GitHub',
    source:
      'https://github.blog/changelog/2021-03-31-authentication-token-format-updates-are-generally-available',
    keywords: ['gho_', 'ghu_'],
    pattern: `${START}(gh[ou]_[A-Za-z0-9]{36})${END}`,
    check: 'github-crc32',
    confidence: 'certain',
    connection: 'github',
    revoke: 'https://github.com/settings/applications',
    examples: {
      positive: [
        'oauth_token: gho_{alnum:30}{github-crc}',
        '{{"access_token":"ghu_{alnum:30}{github-crc}","token_type":"bearer"}',
      ],
      negative: [
        'oauth_token: gho_{alnum:20}',
        'oauth_token: gho_************************************',
        'ghu_{alnum:31}{github-crc}',
      ],
    },
  },
  {
    id: 'github-installation-token',
    title: 'GitHub App installation or Actions token',
    vendor: 'GitHub',
    source:
      'https://github.blog/changelog/2021-03-31-authentication-token-format-updates-are-generally-available',
    keywords: ['ghs_'],
    pattern: `${START}(ghs_[A-Za-z0-9]{36})${END}`,
    check: 'github-crc32',
    confidence: 'certain',
    connection: 'github',
    revoke:
      'DELETE https://api.github.com/installation/token with the token itself; it ends by itself after an hour.',
    examples: {
      positive: [
        'https://x-access-token:ghs_{alnum:30}{github-crc}@github.com/acme/app',
        "core.setSecret('ghs_{alnum:30}{github-crc}')",
      ],
      negative: [
        'ghs_{alnum:12}',
        'GITHUB_TOKEN: ghs_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE00',
        'x-access-token:$GITHUB_TOKEN@github.com',
      ],
    },
  },
  {
    id: 'github-stateless-installation-token',
    title: 'GitHub App installation token (stateless, since 2026)',
    vendor: 'GitHub',
    source:
      'https://github.blog/changelog/2026-05-15-github-app-installation-tokens-per-request-override-header/',
    keywords: ['ghs_'],
    pattern: `${START}(ghs_[0-9]{1,12}_eyJ[A-Za-z0-9_-]{10,200}[.]eyJ[A-Za-z0-9_-]{20,700}[.][A-Za-z0-9_-]{20,700})${END}`,
    reach: 1024,
    confidence: 'certain',
    distinct: true,
    connection: 'github',
    revoke:
      'DELETE https://api.github.com/installation/token with the token itself; it ends by itself after an hour.',
    examples: {
      positive: [
        'GH_TOKEN=ghs_{digits:7}_eyJ{base64url:40}.eyJ{base64url:260}.{base64url:172}',
        'Authorization: Bearer ghs_{digits:6}_eyJ{base64url:36}.eyJ{base64url:300}.{base64url:86}',
      ],
      negative: ['ghs_APPID_JWT', 'ghs_{digits:7}_eyJ{base64url:40}', 'ghs_{digits:7}_{alnum:40}'],
    },
  },
  {
    id: 'github-refresh-token',
    title: 'GitHub App refresh token',
    vendor: 'GitHub',
    source:
      'https://github.blog/changelog/2021-03-31-authentication-token-format-updates-are-generally-available',
    keywords: ['ghr_'],
    pattern: `${START}(ghr_(?:[A-Za-z0-9]{36}|[A-Za-z0-9]{76}))${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    allow: ['^ghr_1B4a2e77838347a7E'],
    connection: 'github',
    revoke: 'https://github.com/settings/apps/authorizations',
    examples: {
      positive: ['refresh_token=ghr_{alnum:76}&expires_in=15811200', '"refreshToken": "ghr_{alnum:36}"'],
      negative: [
        'ghr_{alnum:50}',
        'refresh_token=ghr_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'ghr_<refresh-token>',
      ],
    },
  },
  {
    id: 'github-fine-grained-token',
    title: 'GitHub fine-grained personal access token',
    vendor: 'GitHub',
    source: 'https://gist.github.com/magnetikonline/073afe7909ffdd6f10ef06a00bc3bc88',
    keywords: ['github_pat_'],
    pattern: `${START}(github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})${END}`,
    confidence: 'likely',
    distinct: true,
    entropy: 3,
    connection: 'github',
    revoke: 'https://github.com/settings/personal-access-tokens',
    examples: {
      positive: [
        'export GH_TOKEN=github_pat_{alnum:22}_{alnum:59}',
        '"token": "github_pat_{alnum:22}_{alnum:59}"',
      ],
      negative: [
        'github_pat_{alnum:22}_{alnum:40}',
        'github_pat_{alnum:82}',
        'github_pat_xxxxxxxxxxxxxxxxxxxxxx_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
]

import type { Rule } from '../engine/index.ts'

/** What may not stand before: the token would be the end of a longer word. */
const START = '(?:^|[^A-Za-z0-9_-])'
/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'
/** The rest of a name and an assignment, as it stands in env, YAML, JSON, properties and code. */
const NAMED =
  '(?:[_.-]?(?:api|access|account|auth|cloud|master|personal|private|project|repo|reporter|secret|upload|user)){0,2}[_.-]?(?:key|token|secret)["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?'

export const ciRules: readonly Rule[] = [
  {
    id: 'circleci-token',
    title: 'CircleCI personal or project API token',
    vendor: 'CircleCI',
    source: 'https://circleci.com/changelog/new-format-for-api-access-tokens/',
    keywords: ['CCIPAT_', 'CCIPRJ_'],
    pattern: `${START}(CCI(?:PAT|PRJ)_[A-Za-z0-9]{20,22}_[0-9a-f]{40})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    allow: ['^CCIPAT_ULUhR6rJLxYbyzyr'],
    connection: 'http',
    revoke: 'https://app.circleci.com/settings/user/tokens',
    examples: {
      positive: ['CIRCLE_TOKEN=CCIPAT_{alnum:22}_{hex:40}', 'Circle-Token: CCIPRJ_{alnum:21}_{hex:40}'],
      negative: [
        'CCIPAT_{alnum:22}',
        'CCIPRJ_<token>',
        'CCIPAT_xxxxxxxxxxxxxxxxxxxxxx_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'circleci-legacy-token',
    title: 'CircleCI API token (before prefixes)',
    vendor: 'CircleCI',
    source: 'https://circleci.com/changelog/new-format-for-api-access-tokens/',
    keywords: ['circle'],
    pattern: `circle(?:ci)?${NAMED}([0-9a-f]{40})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://app.circleci.com/settings/user/tokens',
    examples: {
      positive: ['CIRCLE_TOKEN={hex:40}', 'circleci_api_token: "{hex:40}"'],
      negative: ['CIRCLE_SHA1={hex:40}', 'CIRCLE_TOKEN={hex:32}', 'CIRCLE_TOKEN=$TOKEN'],
    },
  },
  {
    id: 'buildkite-api-token',
    title: 'Buildkite API access token',
    vendor: 'Buildkite',
    source: 'https://buildkite.com/docs/platform/security/tokens',
    keywords: ['bkua_'],
    pattern: `${START}(bkua_[A-Za-z0-9_-]{40,60})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'https://buildkite.com/user/api-access-tokens',
    examples: {
      positive: ['BUILDKITE_API_TOKEN=bkua_{hex:40}', 'Authorization: Bearer bkua_{base64url:53}'],
      negative: [
        'bkua_{hex:20}',
        'bkua_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'bkua_*****************************************************',
      ],
    },
  },
  {
    id: 'buildkite-agent-token',
    title: 'Buildkite agent, cluster or registration token',
    vendor: 'Buildkite',
    source: 'https://buildkite.com/docs/platform/security/tokens',
    keywords: ['bkct_', 'bkar_', 'bkaa_'],
    pattern: `${START}(bk(?:ct|ar|aa)_[A-Za-z0-9_-]{60,90})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'Agents, the cluster, Agent tokens: revoke.',
    examples: {
      positive: [
        'BUILDKITE_AGENT_TOKEN=bkct_{base64url:73}',
        'token="bkar_{base64url:73}"',
        'access-token: bkaa_{base64url:75}',
      ],
      negative: [
        'bkct_{base64url:20}',
        'bkct_*************************************************************************',
        'bkaa_$TOKEN',
      ],
    },
  },
  {
    id: 'buildkite-job-token',
    title: 'Buildkite agent job token',
    vendor: 'Buildkite',
    source: 'https://buildkite.com/docs/platform/security/tokens',
    keywords: ['bkaj_'],
    pattern: `${START}(bkaj_[A-Za-z0-9_.-]{100,600})${END}`,
    reach: 1024,
    confidence: 'certain',
    entropy: 3,
    connection: 'http',
    revoke: 'It ends with its job: cancel the job.',
    examples: {
      positive: [
        'BUILDKITE_AGENT_ACCESS_TOKEN=bkaj_{base64url:120}.{base64url:80}',
        'Authorization: Token bkaj_{base64url:230}',
      ],
      negative: ['bkaj_{base64url:30}', 'bkaj_****', 'bkaj_<token>'],
    },
  },
  {
    id: 'buildkite-packages-token',
    title: 'Buildkite Package Registries token',
    vendor: 'Buildkite',
    source: 'https://buildkite.com/docs/platform/security/tokens',
    keywords: ['bkpt_'],
    pattern: `${START}(bkpt_[A-Za-z0-9_.-]{100,600})${END}`,
    reach: 1024,
    confidence: 'certain',
    entropy: 3,
    connection: 'http',
    revoke: 'Package registry, Settings, Tokens: revoke.',
    examples: {
      positive: [
        '//packages.buildkite.com/acme/js/npm/:_authToken=bkpt_{base64url:199}',
        'password: bkpt_{base64url:199}',
      ],
      negative: ['bkpt_{base64url:30}', 'bkpt_****', 'bkpt_<token>'],
    },
  },
  {
    id: 'buildkite-portal-token',
    title: 'Buildkite portal token or secret',
    vendor: 'Buildkite',
    source: 'https://buildkite.com/docs/platform/security/tokens',
    keywords: ['bkpat_', 'bkps_'],
    pattern: `${START}(bkp(?:at|s)_[A-Za-z0-9_-]{50,70})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'Organization settings, Portals, Security: revoke.',
    examples: {
      positive: ['PORTAL_TOKEN=bkpat_{base64url:54}', 'portal_secret: "bkps_{base64url:64}"'],
      negative: [
        'bkpat_{base64url:20}',
        'bkps_****************************************************************',
        'bkpat_$TOKEN',
      ],
    },
  },
]

import type { Rule } from '../engine/index.ts'

/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
/** The rest of a name and an assignment, as it stands in env, YAML, JSON, properties and code. */
const NAMED =
  '(?:[_.-]?(?:api|access|account|auth|cloud|master|personal|private|project|repo|reporter|secret|upload|user)){0,2}[_.-]?(?:key|token|secret)["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?'

export const ciQualityRules: readonly Rule[] = [
  {
    id: 'snyk-token',
    title: 'Snyk API token',
    vendor: 'Snyk',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/snyk.yml',
    keywords: ['snyk'],
    pattern: `snyk${NAMED}(${UUID})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://app.snyk.io/account',
    examples: {
      positive: [
        'SNYK_TOKEN={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'snyk_api_key: "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'SNYK_ORG={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'SNYK_TOKEN={hex:32}',
        'SNYK_TOKEN=00000000-0000-0000-0000-000000000000',
      ],
    },
  },
  {
    id: 'codecov-token',
    title: 'Codecov upload token',
    vendor: 'Codecov',
    source: 'https://github.com/codecov/codecov-bash/issues/305',
    keywords: ['codecov'],
    pattern: `codecov${NAMED}(${UUID})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'Settings of the repository at https://app.codecov.io: regenerate.',
    examples: {
      positive: [
        'CODECOV_TOKEN={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'codecov_upload_token: {hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
      negative: [
        'CODECOV_TOKEN=$CODECOV',
        'codecov_flag={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'CODECOV_TOKEN={hex:20}',
      ],
    },
  },
  {
    id: 'saucelabs-access-key',
    title: 'Sauce Labs access key',
    vendor: 'Sauce Labs',
    source: 'https://docs.saucelabs.com/basics/environment-variables/',
    keywords: ['sauce'],
    pattern: `sauce(?:labs)?${NAMED}(${UUID})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    allow: ['^2639f6ea-ec65'],
    connection: 'http',
    revoke: 'https://app.saucelabs.com/user-settings',
    examples: {
      positive: [
        'SAUCE_ACCESS_KEY={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'saucelabs_access_key: "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'SAUCE_ACCESS_KEY="your Sauce access key"',
        'SAUCE_TUNNEL={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'SAUCE_ACCESS_KEY={hex:24}',
      ],
    },
  },
  {
    id: 'codacy-token',
    title: 'Codacy API or project token',
    vendor: 'Codacy',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/codacy.yml',
    keywords: ['codacy'],
    pattern: `codacy${NAMED}([A-Za-z0-9]{20})${END}`,
    ignoreCase: true,
    confidence: 'possible',
    entropy: 3,
    connection: 'http',
    revoke: 'https://app.codacy.com/account/access-management',
    examples: {
      positive: ['CODACY_API_TOKEN={alnum:20}', 'codacy_account_token: "{alnum:20}"'],
      negative: [
        'CODACY_API_TOKEN=%API_Token%',
        'CODACY_USERNAME={alnum:20}',
        'CODACY_PROJECT_TOKEN={alnum:8}',
      ],
    },
  },
  {
    id: 'codeclimate-reporter-id',
    title: 'Code Climate test reporter ID',
    vendor: 'Code Climate',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/codeclimate.yml',
    keywords: ['cc_test_reporter_id', 'codeclimate'],
    pattern: `(?:cc_test_reporter_id["']?[ \\t]{0,5}[=:][ \\t]{0,5}["']?|codeclimate${NAMED})([0-9a-f]{64})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'Repo settings, Test coverage at Code Climate: regenerate.',
    examples: {
      positive: ['CC_TEST_REPORTER_ID={hex:64}', 'CODECLIMATE_REPO_TOKEN={hex:64}'],
      negative: ['CC_TEST_REPORTER_ID={hex:20}', 'codeclimate_sha256={hex:64}', 'CC_TEST_REPORTER_ID=$ID'],
    },
  },
  {
    id: 'coveralls-repo-token',
    title: 'Coveralls repository token',
    vendor: 'Coveralls',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/coveralls.yml',
    keywords: ['coveralls'],
    pattern: `coveralls${NAMED}([A-Za-z0-9]{32,37})${END}`,
    ignoreCase: true,
    confidence: 'possible',
    entropy: 3,
    connection: 'http',
    revoke: 'Settings of the repository at https://coveralls.io: regenerate.',
    examples: {
      positive: ['COVERALLS_REPO_TOKEN={alnum:33}', 'coveralls_repo_token: "{alnum:32}"'],
      negative: [
        'COVERALLS_REPO_TOKEN={alnum:12}',
        'COVERALLS_PARALLEL=true',
        'coveralls_token: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'drone-token',
    title: 'Drone CI token',
    vendor: 'Drone',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/droneci.yml',
    keywords: ['drone'],
    pattern: `drone(?:ci)?${NAMED}([A-Za-z0-9]{32})${END}`,
    ignoreCase: true,
    confidence: 'possible',
    entropy: 3,
    connection: 'http',
    revoke: 'Account settings of the Drone server.',
    examples: {
      positive: ['DRONE_TOKEN={alnum:32}', 'droneci_access_token: "{alnum:32}"'],
      negative: [
        'DRONE_TOKEN={alnum:10}',
        'DRONE_COMMIT={hex:40}',
        'DRONE_TOKEN=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'semaphore-token',
    title: 'Semaphore API token',
    vendor: 'Semaphore',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/semaphore.yml',
    keywords: ['semaphore'],
    pattern: `semaphore(?:ci)?${NAMED}([0-9a-z]{20,40})${END}`,
    ignoreCase: true,
    confidence: 'possible',
    entropy: 3,
    connection: 'http',
    revoke: 'https://me.semaphoreci.com/account',
    examples: {
      positive: ['SEMAPHORE_API_TOKEN={lowernum:32}', 'semaphore_key: "{hex:32}"'],
      negative: [
        'SEMAPHORE_API_TOKEN={lowernum:8}',
        'semaphore_limit: 20',
        'SEMAPHORE_TOKEN=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'travis-token',
    title: 'Travis CI access token',
    vendor: 'Travis CI',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/travisci.yml',
    keywords: ['travis'],
    pattern: `travis(?:ci)?${NAMED}([A-Za-z0-9_-]{22})${END}`,
    ignoreCase: true,
    confidence: 'possible',
    entropy: 3,
    connection: 'http',
    revoke: 'https://app.travis-ci.com/account/preferences',
    examples: {
      positive: ['TRAVIS_TOKEN={alnum:22}', 'travis_api_token: "{base64url:22}"'],
      negative: ['TRAVIS_TOKEN={alnum:8}', 'TRAVIS_COMMIT={hex:40}', 'TRAVIS_TOKEN=xxxxxxxxxxxxxxxxxxxxxx'],
    },
  },
  {
    id: 'qase-token',
    title: 'Qase API token',
    vendor: 'Qase',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/qase.yml',
    keywords: ['qase'],
    pattern: `qase${NAMED}([0-9a-f]{40})${END}`,
    ignoreCase: true,
    confidence: 'possible',
    entropy: 3,
    connection: 'http',
    revoke: 'https://app.qase.io/user/api/token',
    examples: {
      positive: ['QASE_API_TOKEN={hex:40}', 'qase_key = "{hex:40}"'],
      negative: [
        'QASE_API_TOKEN={hex:10}',
        'qase_commit={hex:40}',
        'QASE_TOKEN=0000000000000000000000000000000000000000',
      ],
    },
  },
  {
    id: 'deployhq-api-key',
    title: 'DeployHQ API key',
    vendor: 'DeployHQ',
    source: 'https://www.deployhq.com/support/api/security-api/create-api-key-api',
    keywords: ['deployhq'],
    pattern: `deployhq${NAMED}([a-z0-9]{40,42})${END}`,
    ignoreCase: true,
    confidence: 'possible',
    entropy: 3,
    connection: 'http',
    revoke: 'Settings, Security of the account at DeployHQ.',
    examples: {
      positive: ['DEPLOYHQ_API_KEY={lowernum:42}', 'deployhq_api_key: "{lowernum:40}"'],
      negative: [
        'DEPLOYHQ_API_KEY={lowernum:10}',
        'DEPLOYHQ_PROJECT={lowernum:40}',
        'DEPLOYHQ_API_KEY=my-api-key',
      ],
    },
  },
  {
    id: 'percy-token',
    title: 'Percy project token',
    vendor: 'BrowserStack',
    source: 'https://github.com/percy/cli/blob/master/packages/client/src/client.js',
    keywords: ['percy'],
    pattern: `percy${NAMED}((?:web_|app_|auto_|ss_)?[0-9a-f]{64})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'Project settings at https://percy.io.',
    examples: {
      positive: ['PERCY_TOKEN=web_{hex:64}', 'percy_token: "{hex:64}"', 'PERCY_TOKEN=ss_{hex:64}'],
      negative: ['PERCY_TOKEN=web_{hex:20}', 'PERCY_TOKEN=$PERCY', 'percy_sha256={hex:64}'],
    },
  },
  {
    id: 'nx-cloud-token',
    title: 'Nx Cloud access token that may write',
    vendor: 'Nx',
    source: 'https://nx.dev/docs/kb/authenticate-public-api',
    keywords: ['fHJlYWQtd3JpdGU'],
    pattern: '(?:^|[^A-Za-z0-9+/])([A-Za-z0-9]{48}fHJlYWQtd3JpdGU=)(?:[^A-Za-z0-9+/=]|$)',
    confidence: 'likely',
    entropy: 3.5,
    connection: 'http',
    revoke: 'Workspace settings, CI access tokens at https://cloud.nx.app.',
    examples: {
      positive: [
        '"nxCloudAccessToken": "{alnum:48}fHJlYWQtd3JpdGU="',
        'NX_CLOUD_ACCESS_TOKEN={alnum:48}fHJlYWQtd3JpdGU=',
      ],
      negative: [
        'NX_CLOUD_ACCESS_TOKEN={alnum:20}fHJlYWQtd3JpdGU=',
        '{alnum:48}fHJlYWQ=',
        'nxCloudAccessToken: fHJlYWQtd3JpdGU=',
      ],
    },
  },
]

import type { CredentialScheme } from '../../kinds/index.ts'
import type { Known, Replacement } from './replacement.ts'

/** Databases, forges and APIs. */
export const services: readonly Known[] = [
  {
    names: /(?:^|_)(?:MYSQL|MARIADB)_(?:.*_)?(?:PASSWORD|PWD|URL|PASS|DSN)$/,
    replacement: {
      id: 'mysql',
      what: 'the password of a database',
      connection: 'mysql',
      credentials: ['mysql-role'],
      grant: 'mysql:write orders/shop',
      how: 'Mayfly makes an account for each step and drops it after it; `mysql` and migration tools stay as they are inside `mayfly run`, with any password',
      revoke: 'ALTER USER in the database',
    },
  },
  {
    names: /(?:^|_)REDIS_(?:.*_)?(?:PASSWORD|URL|TOKEN|AUTH)$/,
    replacement: {
      id: 'redis',
      what: 'the password of a Redis',
      connection: 'redis',
      credentials: ['basic'],
      grant: 'redis:write cache/PREFIX:*',
      how: 'the gateway logs in; `redis-cli` and clients stay as they are inside `mayfly run`, without a password',
      revoke: 'ACL SETUSER, or requirepass, of the server',
    },
  },
  {
    names:
      /^PGPASS(?:WORD)?$|(?:^|_)(?:PG|POSTGRES|POSTGRESQL|DB|DATABASE|FLYWAY|LIQUIBASE|SUPABASE_DB)_(?:.*_)?(?:PASSWORD|PASS|PWD|URL|DSN|CONNECTION_STRING)$|^SQLALCHEMY_DATABASE_URI$/,
    replacement: {
      id: 'postgres',
      what: 'the password of a database',
      connection: 'postgres',
      credentials: ['postgres-role'],
      grant: 'postgres:ddl orders/public',
      how: 'Mayfly makes an account for each step and drops it after it; `psql` and migration tools stay as they are inside `mayfly run`, with any password (of MariaDB and MySQL: kind mysql)',
      revoke: 'ALTER ROLE in the database',
    },
  },
  {
    names:
      /^(?:GH|GITHUB)_(?:.*_)?(?:PAT|TOKEN)$|(?:^|_)(?:GITHUB|GH)_(?:TOKEN|PAT|ACCESS_TOKEN|API_TOKEN|APP_KEY|APP_PRIVATE_KEY)$|^(?:PAT|PERSONAL_ACCESS_TOKEN|REPO_TOKEN|BOT_TOKEN|HOMEBREW_TAP_TOKEN|RELEASE_TOKEN|APP_PEM|APP_PRIVATE_KEY)$|(?:^|_)(?:PAT|(?:GH_)?APP_CREDS)$/,
    uses: /^(?:actions\/create-github-app-token|tibdex\/github-app-token|peter-evans\/\w[\w-]*|actions\/checkout|benc-uk\/workflow-dispatch)$/i,
    input: /^(?:private-key|private_key|token|ssh-key)$/,
    replacement: {
      id: 'github',
      what: 'access to GitHub',
      connection: 'github',
      url: 'https://api.github.com',
      credentials: ['github-app'],
      grant: 'github:release github/OWNER/REPOSITORY',
      how: 'Mayfly gets an installation token for each step, for its repositories and permissions alone; `gh api` and the SDKs stay as they are inside `mayfly run`, and `git push` by a connection of kind git',
      revoke: 'github.com/settings/tokens, or the keys of the app',
    },
  },
  {
    names:
      /(?:^|_)(?:GITLAB|GL)_(?:.*_)?(?:TOKEN|PAT)(?:_\w+)?$|^(?:PRIVATE_TOKEN|CI_DEPLOY_PASSWORD|PROJECT_ACCESS_TOKEN|GROUP_ACCESS_TOKEN)$/,
    replacement: {
      id: 'gitlab',
      what: 'a token of GitLab',
      connection: 'gitlab',
      url: 'https://gitlab.com',
      credentials: ['gitlab-token'],
      grant: 'gitlab:release gitlab/GROUP/PROJECT',
      how: 'Mayfly makes a project token for each step and revokes it after it; `glab`, the API and, by a connection of kind git, `git push` stay as they are inside `mayfly run`',
      revoke: 'the project’s or group’s Access tokens',
    },
  },
  {
    names: /(?:^|_)(?:GIT|BITBUCKET|BB|REPO|VALUES)_(?:.*_)?(?:TOKEN|PASSWORD|APP_PASSWORD)$/,
    replacement: {
      id: 'git',
      what: 'access to a Git host',
      connection: 'git',
      credentials: ['github-app', 'gitlab-token', 'basic'],
      grant: 'git:push git/OWNER/REPOSITORY@refs/heads/main',
      how: 'the gateway adds it, for the repositories and refs that the role grants; `git clone` and `git push` stay as they are inside `mayfly run`, with no token in the URL',
      revoke: 'the Git host’s access tokens',
    },
  },
  {
    names: /(?:WEBHOOK|(?:^|_)SLACK_URL$)/,
    uses: /^(?:slackapi\/slack-github-action|rtCamp\/action-slack-notify|8398a7\/action-slack|Ilshidur\/action-discord|atlassian\/slack-notify)$/i,
    replacement: {
      id: 'webhook',
      what: 'a webhook whose address is its secret',
      connection: 'http',
      url: 'https://slack.com',
      credentials: ['bearer'],
      grant: 'http:post chat/api/chat.postMessage',
      how: 'the gateway can add a token to a request, and not a secret to a path: post by the API with a bot’s token (chat.postMessage) inside `mayfly run`',
      revoke: 'the app’s Incoming Webhooks',
    },
  },
]

function api(
  id: string,
  names: RegExp,
  what: string,
  url: string,
  scheme: CredentialScheme,
  revoke: string,
): Known {
  const replacement: Replacement = {
    id,
    what,
    connection: 'http',
    url,
    credentials: [scheme],
    grant: `http:post ${id}/*`,
    how: 'the gateway adds it to requests to the paths that the role grants; the tool runs inside `mayfly run` with any word for a token',
    revoke,
  }
  return { names, replacement }
}

/** APIs by token, of which each is a connection of kind http. */
export const apis: readonly Known[] = [
  api(
    'codecov',
    /(?:^|_)CODECOV_/,
    'a token of Codecov',
    'https://ingest.codecov.io',
    'bearer',
    'the repository’s settings at app.codecov.io',
  ),
  api(
    'sonar',
    /(?:^|_)SONAR(?:QUBE|CLOUD)?_/,
    'a token of Sonar',
    'https://sonarcloud.io',
    'bearer',
    'My Account, Security',
  ),
  api(
    'netlify',
    /(?:^|_)NETLIFY_/,
    'a token of Netlify',
    'https://api.netlify.com',
    'bearer',
    'app.netlify.com, Applications',
  ),
  api(
    'vercel',
    /(?:^|_)VERCEL_(?:.*_)?TOKEN/,
    'a token of Vercel',
    'https://api.vercel.com',
    'bearer',
    'vercel.com/account/tokens',
  ),
  api(
    'cloudflare',
    /(?:^|_)(?:CLOUDFLARE|CF)_/,
    'a token of Cloudflare',
    'https://api.cloudflare.com',
    'bearer',
    'dash.cloudflare.com/profile/api-tokens',
  ),
  api(
    'sentry',
    /(?:^|_)SENTRY_(?:AUTH_)?TOKEN/,
    'a token of Sentry',
    'https://sentry.io',
    'bearer',
    'sentry.io, Auth Tokens',
  ),
  api('snyk', /(?:^|_)SNYK_/, 'a token of Snyk', 'https://api.snyk.io', 'header', 'app.snyk.io/account'),
  api(
    'heroku',
    /(?:^|_)HEROKU_/,
    'an API key of Heroku',
    'https://api.heroku.com',
    'bearer',
    'dashboard.heroku.com/account',
  ),
  api(
    'terraform-cloud',
    /^(?:TF_API_TOKEN|TFE_TOKEN|TF_TOKEN_\w+|TF_CLOUD_TOKEN)$/,
    'a token of HCP Terraform',
    'https://app.terraform.io',
    'bearer',
    'app.terraform.io, Tokens',
  ),
  api(
    'vault',
    /^VAULT_(?:TOKEN|SECRET_ID|ROLE_SECRET)/,
    'a token of a vault',
    'https://vault.example.com',
    'http-issuer',
    'vault token revoke',
  ),
  api(
    'openai',
    /(?:^|_)OPENAI_/,
    'an API key of OpenAI',
    'https://api.openai.com',
    'bearer',
    'platform.openai.com/api-keys',
  ),
  api(
    'anthropic',
    /(?:^|_)(?:ANTHROPIC|CLAUDE)_/,
    'an API key of Anthropic',
    'https://api.anthropic.com',
    'header',
    'console.anthropic.com/settings/keys',
  ),
  api(
    'vscode',
    /^VSCE_/,
    'a token of an editor’s marketplace',
    'https://marketplace.visualstudio.com',
    'basic',
    'the marketplace’s access tokens',
  ),
  api('fury', /(?:^|_)FURY_/, 'a token of Gemfury', 'https://push.fury.io', 'basic', 'manage.fury.io'),
  api(
    'slack',
    /(?:^|_)SLACK_(?:.*_)?(?:TOKEN|SECRET)/,
    'a bot’s token of Slack',
    'https://slack.com',
    'bearer',
    'api.slack.com/apps, OAuth & Permissions',
  ),
  api(
    'discord',
    /(?:^|_)DISCORD_(?:.*_)?(?:TOKEN|SECRET)/,
    'a bot’s token of Discord',
    'https://discord.com',
    'header',
    'discord.com/developers/applications, Bot',
  ),
  api(
    'datadog',
    /^(?:DD|DATADOG)_(?:.*_)?KEY$/,
    'a key of Datadog',
    'https://api.datadoghq.com',
    'header',
    'Organization settings, API keys',
  ),
  api(
    'ovsx',
    /^OVSX_/,
    'a token of Open VSX',
    'https://open-vsx.org',
    'query',
    'open-vsx.org/user-settings/tokens',
  ),
]

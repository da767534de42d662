import type { Rule } from '../engine/index.ts'

/** What may not stand before: the token would be the end of a longer word. */
const START = '(?:^|[^A-Za-z0-9_-])'
/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'

export const aiRules: readonly Rule[] = [
  {
    id: 'openai-key',
    title: 'OpenAI project, service account or admin key',
    vendor: 'OpenAI',
    source: 'https://openrouter.ai/docs/guides/features/guardrails/secret-formats',
    keywords: ['T3BlbkFJ'],
    pattern: `${START}(sk-(?:proj|svcacct|admin|None)-(?:[A-Za-z0-9_-]{74}T3BlbkFJ[A-Za-z0-9_-]{74}|[A-Za-z0-9_-]{58}T3BlbkFJ[A-Za-z0-9_-]{58}|[A-Za-z0-9_-]{20}T3BlbkFJ[A-Za-z0-9_-]{20}))${END}`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://platform.openai.com/api-keys',
    examples: {
      positive: [
        'OPENAI_API_KEY=sk-proj-{alnum:74}T3BlbkFJ{alnum:74}',
        "client = OpenAI(api_key='sk-svcacct-{alnum:58}T3BlbkFJ{alnum:58}')",
        'OPENAI_ADMIN_KEY: sk-admin-{alnum:58}T3BlbkFJ{alnum:58}',
      ],
      negative: [
        'OPENAI_API_KEY=sk-proj-{alnum:20}',
        'sk-proj-xxxxT3BlbkFJxxxx',
        'OPENAI_API_KEY=sk-proj-...',
      ],
    },
  },
  {
    id: 'openai-legacy-key',
    title: 'OpenAI user key (before projects)',
    vendor: 'OpenAI',
    source: 'https://openrouter.ai/docs/guides/features/guardrails/secret-formats',
    keywords: ['T3BlbkFJ'],
    pattern: `${START}(sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})${END}`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://platform.openai.com/api-keys',
    examples: {
      positive: [
        'OPENAI_API_KEY=sk-{alnum:20}T3BlbkFJ{alnum:20}',
        'Authorization: Bearer sk-{alnum:20}T3BlbkFJ{alnum:20}',
      ],
      negative: ['sk-{alnum:48}', 'sk-{alnum:10}T3BlbkFJ{alnum:10}', 'OPENAI_API_KEY=sk-YOUR_API_KEY'],
    },
  },
  {
    id: 'anthropic-key',
    title: 'Anthropic API key',
    vendor: 'Anthropic',
    source: 'https://platform.claude.com/docs/en/get-api-key',
    keywords: ['sk-ant-api'],
    pattern: `${START}(sk-ant-api[0-9]{2}-[A-Za-z0-9_-]{93}AA)${END}`,
    confidence: 'certain',
    entropy: 3,
    connection: 'http',
    revoke: 'https://platform.claude.com/settings/keys',
    examples: {
      positive: [
        'ANTHROPIC_API_KEY=sk-ant-api03-{base64url:93}AA',
        "curl -H 'x-api-key: sk-ant-api03-{base64url:93}AA' https://api.anthropic.com/v1/messages",
      ],
      negative: [
        'ANTHROPIC_API_KEY="sk-ant-api03-..."',
        'sk-ant-api03-{base64url:40}AA',
        'sk-ant-api03-xxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'anthropic-admin-key',
    title: 'Anthropic admin key',
    vendor: 'Anthropic',
    source: 'https://openrouter.ai/docs/guides/features/guardrails/secret-formats',
    keywords: ['sk-ant-admin'],
    pattern: `${START}(sk-ant-admin[0-9]{2}-[A-Za-z0-9_-]{93}AA)${END}`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://platform.claude.com/settings/admin-keys',
    examples: {
      positive: [
        'ANTHROPIC_ADMIN_KEY=sk-ant-admin01-{base64url:93}AA',
        'x-api-key: sk-ant-admin01-{base64url:93}AA',
      ],
      negative: ['sk-ant-admin...', 'sk-ant-admin01-{base64url:30}AA', 'ANTHROPIC_ADMIN_KEY=$ADMIN_KEY'],
    },
  },
  {
    id: 'anthropic-oauth-token',
    title: 'Anthropic OAuth access or refresh token',
    vendor: 'Anthropic',
    source: 'https://github.com/gitleaks/gitleaks/blob/master/cmd/generate/config/rules/claude_code.go',
    keywords: ['sk-ant-oat', 'sk-ant-ort'],
    pattern: `${START}(sk-ant-o[ar]t[0-9]{2}-[A-Za-z0-9_-]{90,100})${END}`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'Settings of the account at https://claude.ai: log out all sessions.',
    examples: {
      positive: [
        'CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-{base64url:93}AA',
        '"refreshToken": "sk-ant-ort01-{base64url:93}AA"',
      ],
      negative: ['sk-ant-oat01-...', 'sk-ant-ort01-{base64url:20}', 'CLAUDE_CODE_OAUTH_TOKEN=$TOKEN'],
    },
  },
  {
    id: 'openrouter-key',
    title: 'OpenRouter API key',
    vendor: 'OpenRouter',
    source: 'https://openrouter.ai/docs/guides/features/guardrails/secret-formats',
    keywords: ['sk-or-v1-'],
    pattern: `${START}(sk-or-v1-[0-9a-f]{64})${END}`,
    confidence: 'certain',
    entropy: 3,
    connection: 'http',
    revoke: 'https://openrouter.ai/settings/keys',
    examples: {
      positive: ['OPENROUTER_API_KEY=sk-or-v1-{hex:64}', 'Authorization: Bearer sk-or-v1-{hex:64}'],
      negative: [
        'sk-or-v1-{hex:32}',
        'sk-or-v1-xxxx',
        'OPENROUTER_API_KEY=sk-or-v1-0000000000000000000000000000000000000000000000000000000000000000',
      ],
    },
  },
  {
    id: 'groq-key',
    title: 'Groq API key',
    vendor: 'Groq',
    source: 'https://codeslick.dev/learn/groq-api-key-format',
    keywords: ['gsk_'],
    pattern: `${START}(gsk_[A-Za-z0-9]{52})${END}`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://console.groq.com/keys',
    examples: {
      positive: ['GROQ_API_KEY=gsk_{alnum:52}', "Groq(api_key='gsk_{alnum:52}')"],
      negative: [
        'gsk_{alnum:20}',
        'GROQ_API_KEY=gsk_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'gsk_your_actual_key_here',
      ],
    },
  },
  {
    id: 'xai-key',
    title: 'xAI API key',
    vendor: 'xAI',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/xai.yml',
    keywords: ['xai-'],
    pattern: `${START}(xai-[A-Za-z0-9_]{80})${END}`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://console.x.ai/team/default/api-keys',
    examples: {
      positive: ['XAI_API_KEY=xai-{alnum:80}', 'Authorization: Bearer xai-{alnum:80}'],
      negative: [
        'xai-{alnum:30}',
        'XAI_API_KEY=xai-your-key-here',
        'xai-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'replicate-token',
    title: 'Replicate API token',
    vendor: 'Replicate',
    source: 'https://replicate.com/docs/topics/security/api-tokens',
    keywords: ['r8_'],
    pattern: `${START}(r8_[A-Za-z0-9]{37})${END}`,
    confidence: 'certain',
    entropy: 3,
    connection: 'http',
    revoke: 'https://replicate.com/account/api-tokens',
    examples: {
      positive: ['REPLICATE_API_TOKEN=r8_{alnum:37}', 'Authorization: Bearer r8_{alnum:37}'],
      negative: [
        'r8_{alnum:20}',
        'REPLICATE_API_TOKEN=r8_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'r8_<token>',
      ],
    },
  },
]

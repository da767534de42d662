import type { Rule } from '../engine/index.ts'

/** What may not stand before: the token would be the end of a longer word. */
const START = '(?:^|[^A-Za-z0-9_-])'
/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
/** The rest of a name and an assignment, as it stands in env, YAML, JSON, properties and code. */
const NAMED =
  '(?:[_.-]?(?:api|access|account|auth|cloud|master|personal|private|project|repo|reporter|secret|upload|user)){0,2}[_.-]?(?:key|token|secret)["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?'

export const aiToolRules: readonly Rule[] = [
  {
    id: 'langsmith-key',
    title: 'LangSmith personal token or service key',
    vendor: 'LangChain',
    source:
      'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/langchain.yml',
    keywords: ['lsv2_'],
    pattern: `${START}(lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10})${END}`,
    confidence: 'likely',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'https://smith.langchain.com/settings',
    examples: {
      positive: [
        'LANGSMITH_API_KEY=lsv2_pt_{hex:32}_{hex:10}',
        'LANGCHAIN_API_KEY="lsv2_sk_{hex:32}_{hex:10}"',
      ],
      negative: ['lsv2_pt_{hex:32}', 'lsv2_xx_{hex:32}_{hex:10}', 'lsv2_pt_...'],
    },
  },
  {
    id: 'wandb-key',
    title: 'Weights & Biases API key',
    vendor: 'Weights & Biases',
    source:
      'https://docs.wandb.ai/support/models/articles/why-does-my-api-key-fail-with-must-be-40-characters',
    keywords: ['wandb'],
    pattern: `wandb${NAMED}([A-Za-z0-9_-]{80,90}|[0-9a-f]{40})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://wandb.ai/settings',
    examples: {
      positive: ['WANDB_API_KEY={hex:40}', 'wandb_api_key: "{hex:40}"', 'WANDB_API_KEY={alnum:86}'],
      negative: ['WANDB_API_KEY={hex:20}', 'WANDB_RUN_ID={hex:40}', 'WANDB_API_KEY=$WANDB'],
    },
  },
  {
    id: 'pinecone-key',
    title: 'Pinecone API key',
    vendor: 'Pinecone',
    source: 'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/pinecone.yml',
    keywords: ['pcsk_'],
    pattern: `${START}(pcsk_[A-Za-z0-9]{5,6}_[A-Za-z0-9]{63,64})${END}`,
    confidence: 'likely',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'https://app.pinecone.io: API keys of the project.',
    examples: {
      positive: [
        'PINECONE_API_KEY=pcsk_{alnum:5}_{alnum:63}',
        "Pinecone(api_key='pcsk_{alnum:6}_{alnum:63}')",
      ],
      negative: [
        'pcsk_{alnum:5}_{alnum:20}',
        'pcsk_xxxxx_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'pcsk_<key>',
      ],
    },
  },
  {
    id: 'pinecone-legacy-key',
    title: 'Pinecone API key (UUID)',
    vendor: 'Pinecone',
    source: 'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/pinecone.yml',
    keywords: ['pinecone'],
    pattern: `pinecone${NAMED}(${UUID})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://app.pinecone.io: API keys of the project.',
    examples: {
      positive: [
        'PINECONE_API_KEY={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'pinecone_api_key: "{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}"',
      ],
      negative: [
        'PINECONE_PROJECT={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'PINECONE_API_KEY=00000000-0000-0000-0000-000000000000',
        'PINECONE_API_KEY=YOUR_API_KEY',
      ],
    },
  },
  {
    id: 'langfuse-secret-key',
    title: 'Langfuse secret key',
    vendor: 'Langfuse',
    source: 'https://nango.dev/docs/api-integrations/langfuse/connect',
    keywords: ['sk-lf-'],
    pattern: `${START}(sk-lf-${UUID})${END}`,
    confidence: 'likely',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'API keys in the settings of the Langfuse project.',
    examples: {
      positive: [
        'LANGFUSE_SECRET_KEY=sk-lf-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        "secretKey: 'sk-lf-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}'",
      ],
      negative: [
        'LANGFUSE_SECRET_KEY=sk-lf-...',
        'sk-lf-your-secret-key-here',
        'LANGFUSE_PUBLIC_KEY=pk-lf-{hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
    },
  },
  {
    id: 'tavily-key',
    title: 'Tavily API key',
    vendor: 'Tavily',
    source: 'https://docs.tavily.com/guides/quickstart',
    keywords: ['tvly-'],
    pattern: `${START}(tvly-(?:dev-|prod-)?[A-Za-z0-9]{32})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'https://app.tavily.com',
    examples: {
      positive: ['TAVILY_API_KEY=tvly-{alnum:32}', "TavilyClient(api_key='tvly-dev-{alnum:32}')"],
      negative: ['tvly-YOUR_API_KEY', 'tvly-{alnum:12}', 'tvly-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'],
    },
  },
  {
    id: 'firecrawl-key',
    title: 'Firecrawl API key',
    vendor: 'Firecrawl',
    source:
      'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/firecrawl.yml',
    keywords: ['fc-'],
    pattern: `${START}(fc-[0-9a-f]{32})${END}`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://www.firecrawl.dev/app/api-keys',
    examples: {
      positive: ['FIRECRAWL_API_KEY=fc-{hex:32}', "FirecrawlApp(api_key='fc-{hex:32}')"],
      negative: ['fc-YOUR_API_KEY', 'fc-{hex:12}', 'fc-00000000000000000000000000000000', 'rfc-{hex:32}'],
    },
  },
  {
    id: 'cursor-key',
    title: 'Cursor API key',
    vendor: 'Cursor',
    source: 'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/cursor.yml',
    keywords: ['key_', 'crsr_'],
    pattern: `${START}((?:key|crsr)_[0-9a-f]{64})${END}`,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://cursor.com/dashboard/integrations',
    examples: {
      positive: ['CURSOR_API_KEY=key_{hex:64}', 'agent --api-key crsr_{hex:64}'],
      negative: [
        'key_{hex:32}',
        'crsr_{hex:20}',
        'key_0000000000000000000000000000000000000000000000000000000000000000',
        'api_key_{hex:64}',
      ],
    },
  },
]

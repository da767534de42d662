import type { Rule } from '../engine/index.ts'

/** What may not stand before: the token would be the end of a longer word. */
const START = '(?:^|[^A-Za-z0-9_-])'
/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'
/** The rest of a name and an assignment, as it stands in env, YAML, JSON, properties and code. */
const NAMED =
  '(?:[_.-]?(?:api|access|account|auth|cloud|master|personal|private|project|repo|reporter|secret|upload|user)){0,2}[_.-]?(?:key|token|secret)["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?'

export const aiModelRules: readonly Rule[] = [
  {
    id: 'perplexity-key',
    title: 'Perplexity API key',
    vendor: 'Perplexity',
    source:
      'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/perplexity.yml',
    keywords: ['pplx-'],
    pattern: `${START}(pplx-[A-Za-z0-9]{48})${END}`,
    confidence: 'likely',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'https://console.perplexity.ai',
    examples: {
      positive: ['PERPLEXITY_API_KEY=pplx-{alnum:48}', 'Authorization: Bearer pplx-{alnum:48}'],
      negative: [
        'pplx-{alnum:20}',
        'pplx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'pplx-70b-online',
      ],
    },
  },
  {
    id: 'nvidia-key',
    title: 'NVIDIA API key',
    vendor: 'NVIDIA',
    source: 'https://docs.nvidia.com/nemo/retriever/latest/extraction/api-keys/index.html',
    keywords: ['nvapi-'],
    pattern: `${START}(nvapi-[A-Za-z0-9_-]{60,70})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'https://org.ngc.nvidia.com/setup/api-keys',
    examples: {
      positive: [
        'NVIDIA_API_KEY=nvapi-{base64url:64}',
        "echo nvapi-{base64url:64} | docker login nvcr.io -u '$oauthtoken' --password-stdin",
      ],
      negative: [
        'NVIDIA_API_KEY="nvapi-..."',
        'nvapi-{alnum:20}',
        'nvapi-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'mistral-key',
    title: 'Mistral API key',
    vendor: 'Mistral',
    source: 'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/mistral.yml',
    keywords: ['mistral'],
    pattern: `mistral${NAMED}([A-Za-z0-9]{32})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://console.mistral.ai/api-keys',
    examples: {
      positive: ['MISTRAL_API_KEY={alnum:32}', '"mistral_api_key": "{alnum:32}"'],
      negative: [
        'MISTRAL_API_KEY={alnum:10}',
        'MISTRAL_MODEL=mistral-large',
        'MISTRAL_API_KEY=your-mistral-api-key-here',
      ],
    },
  },
  {
    id: 'cohere-key',
    title: 'Cohere API key',
    vendor: 'Cohere',
    source: 'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/cohere.yml',
    keywords: ['cohere', 'co_api_key'],
    pattern: `(?:cohere${NAMED}|${START}co_api_key["']?[ \\t]{0,5}[=:][ \\t]{0,5}["']?)([A-Za-z0-9]{40})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://dashboard.cohere.com/api-keys',
    examples: {
      positive: ['COHERE_API_KEY={alnum:40}', 'CO_API_KEY={alnum:40}'],
      negative: [
        'COHERE_API_KEY={alnum:20}',
        'cohere_commit={hex:40}',
        'COHERE_API_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'deepseek-key',
    title: 'DeepSeek API key',
    vendor: 'DeepSeek',
    source: 'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/deepseek.yml',
    keywords: ['deepseek'],
    pattern: `deepseek${NAMED}(sk-[0-9a-f]{32})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://platform.deepseek.com/api_keys',
    examples: {
      positive: ['DEEPSEEK_API_KEY=sk-{hex:32}', 'deepseek_key: "sk-{hex:32}"'],
      negative: [
        'DEEPSEEK_API_KEY=sk-{hex:12}',
        'DEEPSEEK_API_KEY=$KEY',
        'DEEPSEEK_API_KEY=sk-00000000000000000000000000000000',
      ],
    },
  },
  {
    id: 'voyage-key',
    title: 'Voyage AI API key',
    vendor: 'Voyage AI',
    source: 'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/voyageai.yml',
    keywords: ['voyage'],
    pattern: `voyage(?:ai)?${NAMED}((?:pa|al)-[A-Za-z0-9_-]{43})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://dashboard.voyageai.com/organization/api-keys',
    examples: {
      positive: ['VOYAGE_API_KEY=pa-{base64url:43}', 'voyage_api_key: "al-{base64url:43}"'],
      negative: [
        'VOYAGE_API_KEY=pa-{base64url:20}',
        'VOYAGE_API_KEY=pa-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'VOYAGE_MODEL=voyage-3',
      ],
    },
  },
  {
    id: 'elevenlabs-key',
    title: 'ElevenLabs API key',
    vendor: 'ElevenLabs',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/elevenlabs.yml',
    keywords: ['eleven', 'xi-api-key'],
    pattern: `(?:eleven[_-]?labs${NAMED}|xi-api-key["']?[ \\t]{0,5}[=:][ \\t]{0,5}["']?)(sk_[0-9a-f]{48})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://elevenlabs.io/app/settings/api-keys',
    examples: {
      positive: [
        'ELEVENLABS_API_KEY=sk_{hex:48}',
        "curl -H 'xi-api-key: sk_{hex:48}' https://api.elevenlabs.io/v1/voices",
      ],
      negative: [
        'ELEVENLABS_API_KEY=sk_{hex:20}',
        'xi-api-key: <the-api-key>',
        'ELEVENLABS_VOICE_ID={alnum:20}',
      ],
    },
  },
  {
    id: 'assemblyai-key',
    title: 'AssemblyAI API key',
    vendor: 'AssemblyAI',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/assemblyai.yml',
    keywords: ['assemblyai', 'assembly_ai'],
    pattern: `assembly_?ai${NAMED}([0-9a-z]{32})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://www.assemblyai.com/dashboard/api-keys',
    examples: {
      positive: ['ASSEMBLYAI_API_KEY={hex:32}', 'assembly_ai_key: "{hex:32}"'],
      negative: ['ASSEMBLYAI_API_KEY={hex:10}', 'assemblyai_checksum={hex:32}', 'ASSEMBLYAI_API_KEY=$KEY'],
    },
  },
  {
    id: 'deepgram-key',
    title: 'Deepgram API key',
    vendor: 'Deepgram',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/deepgram.yml',
    keywords: ['deepgram'],
    pattern: `deepgram${NAMED}([0-9a-f]{40})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://console.deepgram.com: API keys of the project.',
    examples: {
      positive: ['DEEPGRAM_API_KEY={hex:40}', '"deepgram_api_key": "{hex:40}"'],
      negative: ['DEEPGRAM_API_KEY={hex:12}', 'deepgram_commit={hex:40}', 'DEEPGRAM_API_KEY=$KEY'],
    },
  },
  {
    id: 'jina-key',
    title: 'Jina AI API key',
    vendor: 'Jina AI',
    source: 'https://github.com/mongodb/kingfisher/blob/main/crates/kingfisher-rules/data/rules/jina.yml',
    keywords: ['jina_'],
    pattern: `${START}(jina_[A-Za-z0-9]{60})${END}`,
    confidence: 'likely',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'https://jina.ai/api-dashboard/key-manager',
    examples: {
      positive: ['JINA_API_KEY=jina_{hex:32}{alnum:28}', 'Authorization: Bearer jina_{alnum:60}'],
      negative: [
        'jina_{alnum:20}',
        'jina_embeddings_v3',
        'jina_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
]

import type { Rule } from '../engine/index.ts'

/** What may not stand before: the token would be the end of a longer word. */
const START = '(?:^|[^A-Za-z0-9_-])'
/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'
/** The rest of a name and an assignment, as it stands in env, YAML, JSON, properties and code. */
const NAMED =
  '(?:[_.-]?(?:api|access|account|auth|cloud|master|personal|private|project|repo|reporter|secret|upload|user)){0,2}[_.-]?(?:key|token|secret)["\']?[ \\t]{0,5}(?:=>|:=|=|:)[ \\t]{0,5}["\']?'

export const hostedRegistryRules: readonly Rule[] = [
  {
    id: 'huggingface-token',
    title: 'Hugging Face user or organization token',
    vendor: 'Hugging Face',
    source: 'https://huggingface.co/docs/hub/security-tokens',
    keywords: ['hf_', 'api_org_'],
    pattern: `${START}((?:hf|api_org)_[A-Za-z]{34})${END}`,
    confidence: 'likely',
    entropy: 3.4,
    connection: 'http',
    revoke: 'https://huggingface.co/settings/tokens',
    examples: {
      positive: [
        'HF_TOKEN=hf_{lower:17}{upper:17}',
        "login(token='hf_{upper:10}{lower:24}')",
        'HUGGINGFACE_TOKEN=api_org_{lower:20}{upper:14}',
      ],
      negative: [
        'hf_{lower:12}',
        'HF_TOKEN=hf_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'hf_{digits:34}',
        'hf_hub_download_with_retries_and_cache',
      ],
    },
  },
  {
    id: 'hex-pm-key',
    title: 'Hex.pm API key',
    vendor: 'Hex',
    source: 'https://hexdocs.pm/aura/Aura.Model.HexAPIKey.html',
    keywords: ['hex_api_key'],
    pattern: `hex_api_key["']?[ \\t]{0,5}[=:][ \\t]{0,5}["']?([0-9a-f]{32})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    allow: ['^3321e19a16017725'],
    connection: 'http',
    revoke: 'https://hex.pm/dashboard/keys',
    examples: {
      positive: ['HEX_API_KEY={hex:32}', 'hex_api_key: "{hex:32}"'],
      negative: ['HEX_API_KEY={hex:12}', 'HEX_API_KEY=$KEY', 'HEX_API_KEY=00000000000000000000000000000000'],
    },
  },
  {
    id: 'hex-tech-token',
    title: 'Hex (hex.tech) personal or workspace token',
    vendor: 'Hex Technologies',
    source: 'https://nango.dev/docs/api-integrations/hex/connect',
    keywords: ['hxtp_', 'hxtw_'],
    pattern: `${START}(hxt[pw]_[A-Za-z0-9]{40,120})${END}`,
    confidence: 'likely',
    distinct: true,
    entropy: 3.2,
    connection: 'http',
    revoke: 'Settings, API keys of the Hex workspace.',
    examples: {
      positive: ['HEX_TOKEN=hxtp_{hex:64}', 'Authorization: Bearer hxtw_{hex:96}'],
      negative: ['hxtp_{hex:12}', 'hxtp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'hxtw_<token>'],
    },
  },
  {
    id: 'cloudsmith-key',
    title: 'Cloudsmith API key',
    vendor: 'Cloudsmith',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/cloudsmith.yml',
    keywords: ['cloudsmith'],
    pattern: `cloudsmith${NAMED}([0-9a-f]{40})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://cloudsmith.io/user/settings/api/',
    examples: {
      positive: ['CLOUDSMITH_API_KEY={hex:40}', '"cloudsmith_token": "{hex:40}"'],
      negative: ['CLOUDSMITH_API_KEY={hex:20}', 'cloudsmith_commit={hex:40}', 'CLOUDSMITH_API_KEY=$KEY'],
    },
  },
  {
    id: 'packagecloud-token',
    title: 'packagecloud API token',
    vendor: 'packagecloud',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/packagecloud.yml',
    keywords: ['packagecloud'],
    pattern: `packagecloud${NAMED}([0-9a-f]{48})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'http',
    revoke: 'https://packagecloud.io/api_token',
    examples: {
      positive: ['PACKAGECLOUD_TOKEN={hex:48}', 'packagecloud_api_key: "{hex:48}"'],
      negative: ['PACKAGECLOUD_TOKEN={hex:20}', 'packagecloud_sha={hex:48}', 'PACKAGECLOUD_TOKEN=$PC'],
    },
  },
  {
    id: 'gradle-plugin-portal-secret',
    title: 'Secret of the Gradle Plugin Portal',
    vendor: 'Gradle',
    source: 'https://github.com/novoda/gradle-static-analysis-plugin/pull/83',
    keywords: ['gradle.publish', 'gradle_publish'],
    pattern: `gradle[._]publish[._]secret["']?[ \\t]{0,5}[=:][ \\t]{0,5}["']?([A-Za-z0-9]{24,64})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3.2,
    connection: 'maven',
    revoke: 'API keys of your profile at https://plugins.gradle.org.',
    examples: {
      positive: [
        'gradle.publish.secret={alnum:32}',
        'GRADLE_PUBLISH_SECRET={alnum:32}',
        './gradlew publishPlugins -Pgradle.publish.secret={alnum:32}',
      ],
      negative: [
        'gradle.publish.secret=',
        'gradle.publish.key={alnum:32}',
        'GRADLE_PUBLISH_SECRET=$SECRET',
        'gradle.publish.secret=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'quay-robot-token',
    title: 'Token of a Quay robot account',
    vendor: 'Quay',
    source: 'https://github.com/quay/quay/blob/master/data/model/user.py',
    keywords: ['quay', 'docker login', 'podman login', 'skopeo login', 'buildah login'],
    pattern: `(?:quay${NAMED}|(?:docker|podman|skopeo|buildah) login[^\\n|;&]{0,60} -u[ \\t=]["']?[a-z0-9_-]{1,40}[+][a-z0-9_-]{1,40}["']?[ \\t]{1,2}(?:-p|--password)[ \\t=]{1,2}["']?)([A-Z0-9]{64})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3.6,
    connection: 'oci',
    revoke: 'Robot accounts of the organization: regenerate the token.',
    examples: {
      positive: ['docker login -u="acme+ci" -p="{uppernum:64}" quay.io', 'QUAY_TOKEN={uppernum:64}'],
      negative: ['QUAY_TOKEN={uppernum:20}', 'quay.io/acme/app@sha256:{hex:64}', 'QUAY_PASSWORD=$QUAY'],
    },
  },
  {
    id: 'jfrog-reference-token',
    title: 'JFrog reference token',
    vendor: 'JFrog',
    source:
      'https://jfrog.com/help/r/jfrog-platform-administration-documentation/understanding-identity-tokens',
    keywords: ['cmVmd'],
    pattern: `${START}(cmVmd[A-Za-z0-9]{59})${END}`,
    confidence: 'certain',
    entropy: 3.4,
    connection: 'http',
    revoke: 'Administration, User management, Access tokens of the JFrog platform.',
    examples: {
      positive: [
        '//acme.jfrog.io/artifactory/api/npm/npm/:_authToken=cmVmd{alnum:59}',
        'JF_ACCESS_TOKEN=cmVmd{alnum:59}',
      ],
      negative: [
        'cmVmd{alnum:30}',
        'cmVmd{alnum:70}',
        'JF_ACCESS_TOKEN=cmVmdxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'jfrog-api-key',
    title: 'JFrog Artifactory API key',
    vendor: 'JFrog',
    source:
      'https://github.com/mongodb/kingfisher/blob/ee7c0db3ef87575768f817820c24736249ffcdef/data/rules/artifactory.yml',
    keywords: ['AKCp'],
    pattern: `${START}(AKCp[A-Za-z0-9]{69})${END}`,
    confidence: 'likely',
    entropy: 3.4,
    connection: 'http',
    revoke: 'Edit profile of the user in Artifactory: revoke the API key.',
    examples: {
      positive: [
        'curl -H "X-JFrog-Art-Api: AKCp{alnum:69}" https://acme.jfrog.io/artifactory/api/repositories',
        'ARTIFACTORY_API_KEY=AKCp{alnum:69}',
      ],
      negative: [
        'AKCp{alnum:30}',
        'AKCpxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'AKCp{alnum:80}',
      ],
    },
  },
  {
    id: 'packagist-token',
    title: 'Private Packagist token',
    vendor: 'Packagist',
    source: 'https://github.com/packagist/private-packagist-docs/blob/main/docs/composer-authentication.md',
    keywords: ['packagist_'],
    pattern: `${START}(packagist_[a-z]{3}_[0-9a-f]{68})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'http',
    revoke: 'Settings, Authentication tokens of the organization, or the profile, at https://packagist.com.',
    examples: {
      positive: [
        '"password": "packagist_ort_{hex:68}"',
        'composer config http-basic.repo.packagist.com token packagist_uut_{hex:68}',
      ],
      negative: [
        'packagist_out_{hex:40}',
        'packagist_ort_<token>',
        'packagist_uut_00000000000000000000000000000000000000000000000000000000000000000000',
      ],
    },
  },
  {
    id: 'clojars-token',
    title: 'Clojars deploy token',
    vendor: 'Clojars',
    source: 'https://github.com/clojars/clojars-web/blob/main/src/clojars/db.clj',
    keywords: ['CLOJARS_'],
    pattern: `${START}(CLOJARS_[0-9a-f]{60})${END}`,
    confidence: 'likely',
    distinct: true,
    entropy: 3,
    connection: 'maven',
    revoke: 'https://clojars.org/tokens',
    examples: {
      positive: ['CLOJARS_PASSWORD=CLOJARS_{hex:60}', ':password "CLOJARS_{hex:60}"'],
      negative: [
        'CLOJARS_{hex:40}',
        'CLOJARS_PASSWORD=$SECRET',
        'CLOJARS_000000000000000000000000000000000000000000000000000000000000',
      ],
    },
  },
]

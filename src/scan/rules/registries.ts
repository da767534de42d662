import type { Rule } from '../engine/index.ts'

/** What may not stand before: the token would be the end of a longer word. */
const START = '(?:^|[^A-Za-z0-9_-])'
/** What must come after: there is no lookahead in RE2. */
const END = '(?:[^A-Za-z0-9_-]|$)'
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

export const registryRules: readonly Rule[] = [
  {
    id: 'npm-token',
    title: 'npm access token',
    vendor: 'npm',
    source: 'https://github.blog/security/announcing-npms-new-access-token-format',
    keywords: ['npm_'],
    pattern: `${START}(npm_[A-Za-z0-9]{36})${END}`,
    check: 'npm-crc32',
    confidence: 'certain',
    connection: 'npm',
    revoke: 'npm token revoke, or https://www.npmjs.com/settings/~/tokens',
    examples: {
      positive: [
        '//registry.npmjs.org/:_authToken=npm_{alnum:30}{npm-crc}',
        'NPM_TOKEN=npm_{alnum:30}{npm-crc}',
        'npmAuthToken: "npm_{alnum:30}{npm-crc}"',
      ],
      negative: [
        'NPM_TOKEN=npm_{alnum:29}{npm-crc}',
        'npm_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'npm_config_registry=https://registry.npmjs.org',
        '_authToken=$NPM_TOKEN',
      ],
    },
  },
  {
    id: 'npm-legacy-token',
    title: 'npm access token (UUID, before prefixes)',
    vendor: 'npm',
    source: 'https://github.blog/security/announcing-npms-new-access-token-format',
    keywords: ['_authtoken', 'npm_token'],
    pattern: `(?:_authtoken|npm_token)["']?[ \\t]{0,5}[=:][ \\t]{0,5}["']?(${UUID})${END}`,
    ignoreCase: true,
    confidence: 'likely',
    entropy: 3,
    connection: 'npm',
    revoke: 'npm token revoke, or https://www.npmjs.com/settings/~/tokens',
    examples: {
      positive: [
        '//registry.npmjs.org/:_authToken={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
        'NPM_TOKEN={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
      negative: [
        '_authToken=00000000-0000-0000-0000-000000000000',
        '_authToken=$NPM_TOKEN',
        'npm_session={hex:8}-{hex:4}-{hex:4}-{hex:4}-{hex:12}',
      ],
    },
  },
  {
    id: 'pypi-token',
    title: 'PyPI API token',
    vendor: 'PyPI',
    source:
      'https://github.com/pypi/warehouse/blob/82815b06d9f98deed5f205c66e054de59d22a10d/docs/development/token-scanning.rst',
    keywords: ['pypi-AgEIcHlwaS5vcmc'],
    pattern: `${START}(pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{70,450})${END}`,
    reach: 512,
    check: 'pypi-macaroon',
    confidence: 'certain',
    distinct: true,
    entropy: 3.5,
    connection: 'pypi',
    revoke: 'https://pypi.org/manage/account/token/',
    examples: {
      positive: ['password = pypi-{pypi-macaroon:pypi.org}', 'TWINE_PASSWORD=pypi-{pypi-macaroon:pypi.org}'],
      negative: [
        'password = pypi-AgEIcHlwaS5vcmc...',
        'pypi-AgEIcHlwaS5vcmc{base64url:30}',
        'pypi-{base64url:120}',
      ],
    },
  },
  {
    id: 'testpypi-token',
    title: 'TestPyPI API token',
    vendor: 'PyPI',
    source:
      'https://github.com/pypi/warehouse/blob/82815b06d9f98deed5f205c66e054de59d22a10d/docs/development/token-scanning.rst',
    keywords: ['pypi-AgENdGVzdC5weXBpLm9yZw'],
    pattern: `${START}(pypi-AgENdGVzdC5weXBpLm9yZw[A-Za-z0-9_-]{70,450})${END}`,
    reach: 512,
    check: 'pypi-macaroon',
    confidence: 'certain',
    distinct: true,
    entropy: 3.5,
    connection: 'pypi',
    revoke: 'https://test.pypi.org/manage/account/token/',
    examples: {
      positive: [
        'password = pypi-{pypi-macaroon:test.pypi.org}',
        'TEST_PYPI_TOKEN: pypi-{pypi-macaroon:test.pypi.org}',
      ],
      negative: [
        'pypi-AgENdGVzdC5weXBpLm9yZw',
        'pypi-AgENdGVzdC5weXBpLm9yZw{base64url:20}',
        'pypi-AgENdGVzdC5weXBpLm9yZw<token>',
      ],
    },
  },
  {
    id: 'rubygems-key',
    title: 'RubyGems API key',
    vendor: 'RubyGems',
    source: 'https://github.com/rubygems/rubygems.org/blob/master/app/controllers/concerns/api_keyable.rb',
    keywords: ['rubygems_'],
    pattern: `${START}(rubygems_[0-9a-f]{48})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    connection: 'rubygems',
    revoke: 'https://rubygems.org/profile/api_keys',
    examples: {
      positive: [':rubygems_api_key: rubygems_{hex:48}', 'GEM_HOST_API_KEY=rubygems_{hex:48}'],
      negative: [
        'rubygems_{hex:40}',
        'rubygems_version: 3.5.0',
        'GEM_HOST_API_KEY=rubygems_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
      ],
    },
  },
  {
    id: 'crates-io-token',
    title: 'crates.io API token',
    vendor: 'crates.io',
    source:
      'https://github.com/rust-lang/crates.io/blob/04fe1d28b7b7b4dc0fa938554b56285ffc1a9f3a/src/util/token.rs',
    keywords: ['cio'],
    pattern: `${START}(cio[A-Za-z0-9]{32})${END}`,
    confidence: 'certain',
    entropy: 3.6,
    connection: 'cargo',
    revoke: 'https://crates.io/settings/tokens',
    examples: {
      positive: ['CARGO_REGISTRY_TOKEN=cio{alnum:32}', 'token = "cio{alnum:32}"'],
      negative: [
        'cio{alnum:20}',
        'CARGO_REGISTRY_TOKEN=ciooooooooooooooooooooooooooooooooo',
        'cio{alnum:40}',
      ],
    },
  },
  {
    id: 'crates-io-publishing-token',
    title: 'crates.io token of trusted publishing',
    vendor: 'crates.io',
    source: 'https://github.com/rust-lang/crates.io/blob/main/crates/crates_io_trustpub/src/access_token.rs',
    keywords: ['cio_tp_'],
    pattern: `${START}(cio_tp_[A-Za-z0-9]{32})${END}`,
    check: 'crates-publishing',
    confidence: 'certain',
    distinct: true,
    entropy: 3,
    allow: ['^cio_tp_gGK6jurSwKyl'],
    connection: 'cargo',
    revoke:
      'DELETE https://crates.io/api/v1/trusted_publishing/tokens with the token itself; it ends by itself after half an hour.',
    examples: {
      positive: [
        'CARGO_REGISTRY_TOKEN=cio_tp_{alnum:31}{crates-sum}',
        'Authorization: Bearer cio_tp_{alnum:31}{crates-sum}',
      ],
      negative: ['cio_tp_{alnum:20}', 'cio_tp_00000000000000000000000000000000', 'cio_tp_invalid_token'],
    },
  },
  {
    id: 'nuget-key',
    title: 'NuGet.org API key',
    vendor: 'NuGet',
    source:
      'https://github.com/NuGet/NuGetGallery/blob/main/src/NuGetGallery.Services/Authentication/ApiKeyV4.cs',
    keywords: ['oy2'],
    pattern: `${START}(oy2[a-p][a-z2-7]{42})${END}`,
    confidence: 'certain',
    entropy: 3.4,
    connection: 'http',
    revoke: 'https://www.nuget.org/account/apikeys',
    examples: {
      positive: [
        'dotnet nuget push app.nupkg --api-key oy2{a|c|k|p}{lower:42} --source https://api.nuget.org/v3/index.json',
        'NUGET_API_KEY=oy2{b|d|j}{lower:40}27',
      ],
      negative: [
        'oy2a{lower:20}',
        'NUGET_API_KEY=oy2xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'oy2a{upper:42}',
        'NUGET_API_KEY=oy2z{lower:42}',
      ],
    },
  },
  {
    id: 'docker-hub-personal-token',
    title: 'Docker Hub personal access token',
    vendor: 'Docker',
    source: 'https://docs.docker.com/reference/api/hub/latest/operations/AuthCreateAccessToken/',
    keywords: ['dckr_pat_'],
    pattern: `${START}(dckr_pat_[A-Za-z0-9_-]{27})${END}`,
    confidence: 'certain',
    distinct: true,
    entropy: 3.2,
    connection: 'oci',
    revoke: 'https://app.docker.com/settings/personal-access-tokens',
    examples: {
      positive: [
        'docker login -u acme -p dckr_pat_{base64url:27}',
        'DOCKERHUB_TOKEN=dckr_pat_{base64url:27}',
      ],
      negative: [
        'dckr_pat_{base64url:14}',
        'DOCKERHUB_TOKEN=dckr_pat_xxxxxxxxxxxxxxxxxxxxxxxxxxx',
        'dckr_pat_<token>',
      ],
    },
  },
  {
    id: 'docker-hub-organization-token',
    title: 'Docker Hub organization access token',
    vendor: 'Docker',
    source: 'https://docs.docker.com/security/access-tokens/organization-access-tokens/',
    keywords: ['dckr_oat_'],
    pattern: `${START}(dckr_oat_[A-Za-z0-9_-]{27,40})${END}`,
    confidence: 'likely',
    distinct: true,
    entropy: 3.2,
    connection: 'oci',
    revoke: 'Admin console of Docker, Access tokens.',
    examples: {
      positive: ['docker login -u acme -p dckr_oat_{base64url:32}', 'password: dckr_oat_{base64url:32}'],
      negative: ['dckr_oat_{base64url:10}', 'dckr_oat_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'dckr_oat_$TOKEN'],
    },
  },
]

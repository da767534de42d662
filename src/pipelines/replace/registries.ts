import type { Known } from './replacement.ts'

/** Tokens of package registries and registries of images. */
export const registries: readonly Known[] = [
  {
    names:
      /(?:^|_)(?:NPM|NODE_AUTH|YARN|YARN_NPM|PNPM)_(?:.*_)?TOKEN$|(?:^|_)NPMRC$|^NPM_AUTH$|^NPM_CONFIG_.*AUTH/,
    uses: /^(?:JS-DevTools\/npm-publish|actions\/setup-node)$/i,
    replacement: {
      id: 'npm',
      what: 'a token of an npm registry',
      connection: 'npm',
      url: 'https://registry.npmjs.org',
      credentials: ['bearer'],
      grant: 'npm:publish npm/PACKAGE',
      how: 'the gateway adds the token; `npm publish` and `npm ci` stay as they are inside `mayfly run`',
      revoke: 'npmjs.com, Access Tokens',
    },
  },
  {
    names:
      /(?:^|_)(?:TEST_?)?PYPI_|^PYPI|^TWINE_PASSWORD$|^(?:UV|HATCH|FLIT|POETRY|PDM)_.*(?:TOKEN|PASSWORD|AUTH)$/,
    uses: /^(?:pypa\/gh-action-pypi-publish|JRubics\/poetry-publish)$/i,
    input: /^(?:password|pypi_token|user)$/,
    replacement: {
      id: 'pypi',
      what: 'a token of a Python index',
      connection: 'pypi',
      url: 'https://upload.pypi.org',
      credentials: ['basic'],
      grant: 'pypi:publish pypi/PROJECT@*',
      how: 'the gateway adds the token; `twine upload`, `uv publish` and `poetry publish` stay as they are inside `mayfly run`',
      revoke: 'pypi.org/manage/account/token',
    },
  },
  {
    names: /(?:^|_)(?:CARGO_REGISTRY|CARGO|CRATES_IO|CRATES)_(?:.*_)?TOKEN$/,
    uses: /^katyo\/publish-crates$/i,
    replacement: {
      id: 'cargo',
      what: 'a token of a Cargo registry',
      connection: 'cargo',
      url: 'https://index.crates.io',
      credentials: ['header'],
      grant: 'cargo:publish crates/CRATE@*',
      how: 'the gateway adds the token; `cargo publish` stays as it is inside `mayfly run`, without --token',
      revoke: 'crates.io/settings/tokens',
    },
  },
  {
    names: /^GEM_HOST_API_KEY$|(?:^|_)RUBYGEMS?_/,
    replacement: {
      id: 'rubygems',
      what: 'an API key of RubyGems',
      connection: 'rubygems',
      url: 'https://rubygems.org',
      credentials: ['header'],
      grant: 'rubygems:publish rubygems/GEM@*',
      how: 'the gateway adds the key; `gem push` stays as it is inside `mayfly run`',
      revoke: 'rubygems.org/profile/api_keys',
    },
  },
  {
    names:
      /(?:^|_)(?:SONATYPE|OSSRH|NEXUS|MAVEN|MAVEN_CENTRAL|CENTRAL|CENTRAL_PORTAL|ARTIFACTORY|JFROG|JRELEASER_[A-Z_]+)_(?:.*_)?(?:PASSWORD|TOKEN|PASS|KEY|PWD)$|^ORG_GRADLE_PROJECT_(?:MAVEN_CENTRAL|SONATYPE|OSSRH|NEXUS).*PASSWORD/,
    replacement: {
      id: 'maven',
      what: 'the password of a Maven repository',
      connection: 'maven',
      url: 'https://central.sonatype.com',
      credentials: ['basic'],
      grant: 'maven:publish maven/GROUP/ARTIFACT@*',
      how: 'the gateway adds it; `mvn deploy` and `gradle publish` stay as they are inside `mayfly run`',
      revoke: 'where the repository keeps user tokens (central.sonatype.com/account)',
    },
  },
  {
    names: /(?:^|_)NUGET_(?:.*_)?(?:KEY|TOKEN)$/,
    replacement: {
      id: 'nuget',
      what: 'an API key of NuGet',
      connection: 'http',
      url: 'https://www.nuget.org',
      credentials: ['header'],
      grant: 'http:put nuget/api/v2/package*',
      how: 'the gateway adds the header; `dotnet nuget push` runs inside `mayfly run` with any word for a key',
      revoke: 'nuget.org/account/apikeys',
    },
  },
  {
    names:
      /(?:^|_)(?:DOCKER|DOCKERHUB|DOCKER_HUB|DOCKER_IO|REGISTRY|CONTAINER_REGISTRY|QUAY|QUAY_IO|GHCR|HARBOR|ACR|REGISTRY_LOGIN|DOCKER_LOGIN)_(?:.*_)?(?:PASSWORD|TOKEN|PASS|PAT|PWD|SECRET)(?:_[A-Z]+)?$|^(?:CR_PAT|DOCKER_AUTH_CONFIG|DOCKERHUB|DOCKER_PAT)$/,
    uses: /^(?:docker\/login-action|azure\/docker-login|redhat-actions\/podman-login|circleci\/docker|docker-login|elgohr\/Publish-Docker-Github-Action|(?:octo\/)?Docker)$/i,
    input: /^(?:password|docker-password|password-env|containerRegistry)$/,
    replacement: {
      id: 'oci',
      what: 'the password of a container registry',
      connection: 'oci',
      url: 'https://registry-1.docker.io',
      credentials: ['registry-token', 'basic'],
      grant: 'oci:push images/OWNER/IMAGE',
      how: 'the gateway adds it, and the login step goes; `docker buildx build --push`, skopeo and crane stay as they are inside `mayfly run`',
      revoke: 'where the registry keeps access tokens (hub.docker.com/settings/security)',
    },
  },
]

/**
 * Files that programs run, or take orders from, because of their name: what an earlier step wrote under one of them would
 * run in the step that takes it, without being asked for. They are handed on only if the pipeline names them, path by path.
 * Names with a dot in front are not here: no pattern matches those anyway.
 */
const names: ReadonlySet<string> = new Set([
  // Make and its like.
  ...[
    'Makefile',
    'makefile',
    'GNUmakefile',
    'justfile',
    'Justfile',
    'Taskfile',
    'Taskfile.yml',
    'Taskfile.yaml',
  ],
  ...[
    'taskfile.yml',
    'taskfile.yaml',
    'Taskfile.dist.yml',
    'Taskfile.dist.yaml',
    'magefile.go',
    'SConstruct',
  ],
  ...[
    'CMakeLists.txt',
    'CMakePresets.json',
    'meson.build',
    'build.ninja',
    'configure',
    'Earthfile',
    'Tiltfile',
  ],
  ...[
    'WORKSPACE',
    'WORKSPACE.bazel',
    'MODULE.bazel',
    'BUILD',
    'BUILD.bazel',
    'tools.go',
    'build.zig',
    'dune',
  ],
  // Node.
  ...['package.json', 'package-lock.json', 'npm-shrinkwrap.json', 'yarn.lock', 'pnpm-lock.yaml', 'bun.lock'],
  ...['pnpm-workspace.yaml', 'lerna.json', 'nx.json', 'turbo.json', 'deno.json', 'deno.jsonc', 'bunfig.toml'],
  ...['Gruntfile.js', 'gulpfile.js', 'gulpfile.mjs', 'Jakefile', 'tsconfig.json', 'binding.gyp'],
  // Python.
  ...[
    'setup.py',
    'setup.cfg',
    'pyproject.toml',
    'conftest.py',
    'noxfile.py',
    'tox.ini',
    'pytest.ini',
    'tasks.py',
  ],
  ...[
    'fabfile.py',
    'manage.py',
    'sitecustomize.py',
    'usercustomize.py',
    'requirements.txt',
    'Pipfile',
    'pip.conf',
  ],
  // JVM.
  ...['pom.xml', 'build.xml', 'build.gradle', 'build.gradle.kts', 'settings.gradle', 'settings.gradle.kts'],
  ...[
    'gradle.properties',
    'gradlew',
    'gradlew.bat',
    'mvnw',
    'mvnw.cmd',
    'init.gradle',
    'build.sbt',
    'build.sc',
  ],
  // Ruby, PHP, Rust, Go, .NET, Elixir, Nix.
  ...['Rakefile', 'rakefile', 'Gemfile', 'Guardfile', 'Vagrantfile', 'Fastfile', 'Dangerfile', 'Brewfile'],
  ...[
    'composer.json',
    'build.rs',
    'Cargo.toml',
    'rust-toolchain',
    'rust-toolchain.toml',
    'go.mod',
    'go.work',
  ],
  ...[
    'Directory.Build.props',
    'Directory.Build.targets',
    'NuGet.Config',
    'nuget.config',
    'global.json',
    'mix.exs',
  ],
  ...['flake.nix', 'shell.nix', 'default.nix', 'mise.toml', 'devbox.json'],
  // Containers and their kin.
  ...[
    'Dockerfile',
    'Containerfile',
    'compose.yaml',
    'compose.yml',
    'docker-compose.yml',
    'docker-compose.yaml',
  ],
  ...['docker-bake.hcl', 'docker-bake.json', 'skaffold.yaml', 'Procfile', 'helmfile.yaml', 'ansible.cfg'],
  // Hooks and pipelines without a dot in front.
  ...['lefthook.yml', 'lefthook.yaml', 'Jenkinsfile', 'azure-pipelines.yml', 'azure-pipelines.yaml'],
  ...[
    'bitbucket-pipelines.yml',
    'bitbucket-pipelines.yaml',
    'cloudbuild.yaml',
    'cloudbuild.yml',
    'buildspec.yml',
  ],
  ...['appveyor.yml', 'codefresh.yml', 'wercker.yml', 'cirrus.yml'],
  // Deployment, which runs what it describes.
  ...[
    'Pulumi.yaml',
    'kustomization.yaml',
    'kustomization.yml',
    'Kustomization',
    'firebase.json',
    'wrangler.toml',
    'wrangler.json',
    'wrangler.jsonc',
  ],
  ...[
    'netlify.toml',
    'vercel.json',
    'fly.toml',
    'app.yaml',
    'goreleaser.yml',
    'goreleaser.yaml',
    'Capfile',
    'Snakefile',
    'wscript',
    'hatch_build.py',
  ],
  ...[
    'rebar.config',
    'Package.swift',
    'Makefile.PL',
    'Build.PL',
    'gulpfile.ts',
    'Cargo.lock',
    'go.sum',
    'uv.lock',
    'poetry.lock',
    'Gemfile.lock',
    'composer.lock',
  ],
  // Of a bare repository, whose configuration Git obeys.
  'HEAD',
])

/** Whatever is in such a folder. */
const folders: ReadonlySet<string> = new Set(['node_modules', 'bower_components', '__pycache__', 'buildSrc'])

const endings =
  /\.tf(?:\.json)?$|\.tfvars(?:\.json)?$|^(?:docker-)?compose[.-].*\.ya?ml$|^serverless\.[a-z]+$|^requirements[\w.-]*\.txt$|^(?:gradle|maven)-wrapper\.jar$|\.(?:mk|pth|gemspec|gradle|gradle\.kts|sbt|bzl|nix|targets)$|\.config\.[cm]?[jt]s$|^azure-pipelines/

/** Does it run, or steer what runs, because of where it is? */
export function isExecutableConfiguration(parts: readonly string[]): boolean {
  const name = parts.at(-1) ?? ''
  return names.has(name) || endings.test(name) || parts.slice(0, -1).some((folder) => folders.has(folder))
}

/** In any spelling that a file system or Git may take for `.git`: never handed on, however it is named. */
export function isOfGit(parts: readonly string[]): boolean {
  return parts.some((part) =>
    /^\.git$/i.test(part.replace(/[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g, '')),
  )
}

//! Macros for the methods of the builder, one for each setting.

macro_rules! settings {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $set:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            let set: fn(&mut Config, $type) = $set;
            set(&mut self.config, $name);
            self
        })*
    };
}

macro_rules! switches {
    ($($(#[$doc:meta])* $name:ident => $set:expr;)*) => {
        $($(#[$doc])*
        pub fn $name(mut self) -> Self {
            let set: fn(&mut Config) = $set;
            set(&mut self.config);
            self
        })*
    };
}
